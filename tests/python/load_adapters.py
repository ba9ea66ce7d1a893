"""Loads adapters that we wrote with peft, and prints the logits of the last token, one number a word.

usage: python load_adapters.py BASE_DIR ADAPTER_DIR ID ...

Every matrix that peft makes for the adapter's config must be in the file, and what else is there must be the same
matrices under their names in other releases. Exit code 0 if all holds, else 1.
"""

import re
import sys
import warnings

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import Qwen2VLForConditionalGeneration


def published(name: str) -> str:
    """The name that all releases save a module's weights under."""
    name = re.sub(r"^base_model\.model\.", "", name)
    return re.sub(r"^model\.visual\.", "visual.", re.sub(r"^model\.language_model\.", "model.", name))


def logits(base_dir: str, adapter_dir: str, ids: list[int]) -> list[float]:
    """The logits behind the ids; raises ValueError if the file does not fit the model."""
    base = Qwen2VLForConditionalGeneration.from_pretrained(
        base_dir, torch_dtype=torch.float32, attn_implementation="eager"
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Found missing adapter keys")
        model = PeftModel.from_pretrained(base, adapter_dir).eval()
    made = {name.replace(".default", "") for name, _ in model.named_parameters() if "lora_" in name}
    stored = set(load_file(f"{adapter_dir}/adapter_model.safetensors"))
    if not made <= stored:
        raise ValueError(f"not in the file: {sorted(made - stored)}")
    if unknown := {published(name) for name in stored} - {published(name) for name in made}:
        raise ValueError(f"unknown: {sorted(unknown)}")
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0, -1].tolist()


def main() -> int:
    if len(sys.argv) < 4:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 1
    try:
        numbers = logits(sys.argv[1], sys.argv[2], [int(arg) for arg in sys.argv[3:]])
    except Exception as error:  # whatever peft raises is a verdict on the files
        print(f"{sys.argv[2]}: {type(error).__name__}: {error}".replace("\n", " "), file=sys.stderr)
        return 1
    print(*numbers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
