"""Loads a model directory with transformers and saves all of it again, as this release does.

usage: python save_again.py DIR TO
"""

import sys

import torch
from transformers import AutoProcessor, Qwen2VLForConditionalGeneration

model_dir, to = sys.argv[1:]
Qwen2VLForConditionalGeneration.from_pretrained(model_dir, torch_dtype=torch.float32).save_pretrained(to)
AutoProcessor.from_pretrained(model_dir).save_pretrained(to)
