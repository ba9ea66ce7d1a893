"""Answers prompts greedily with transformers, one prompt at a time, and prints the new ids, a line for each.

usage: python greedy_answers.py DIR N_NEW ID,ID,... [ID,ID,... ...]

What else decides an answer is in DIR/generation_config.json.
"""

import sys

import torch
from transformers import Qwen2VLForConditionalGeneration

model_dir, n_new, *prompts = sys.argv[1:]
model = Qwen2VLForConditionalGeneration.from_pretrained(
    model_dir, torch_dtype=torch.float32, attn_implementation="eager"
).eval()
for prompt in prompts:
    ids = torch.tensor([[int(word) for word in prompt.split(",")]])
    with torch.no_grad():
        answer = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=int(n_new)
        )
    print(*answer[0, ids.shape[1] :].tolist())
