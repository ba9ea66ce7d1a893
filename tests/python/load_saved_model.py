"""Loads a model directory that we wrote with transformers, and says in one line whether it fits.

usage: python load_saved_model.py DIR [ID ...]

Every tensor of the architecture must be in the file and no other. With token ids, one forward
pass must give finite logits; the likeliest next token is printed. Exit code 0 if all holds, else 1.
"""

import os
import sys

import torch
from transformers import Qwen2VLForConditionalGeneration


def check(model_dir: str, ids: list[int]) -> str:
    """Returns what was found; raises ValueError if the directory does not fit."""
    if not os.path.isdir(model_dir):
        raise ValueError("not a directory")
    model, info = Qwen2VLForConditionalGeneration.from_pretrained(
        model_dir, output_loading_info=True, torch_dtype=torch.float32, attn_implementation="eager"
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info.get(kind):
            raise ValueError(f"{kind}: {sorted(map(str, info[kind]))}")
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    found = f"{n_parameters} parameters"
    if ids:
        with torch.no_grad():
            logits = model.eval()(input_ids=torch.tensor([ids])).logits[0, -1]
        if not torch.isfinite(logits).all():
            raise ValueError("logits are not finite")
        found += f", next token {int(logits.argmax())}"
    return found


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 1
    try:
        found = check(sys.argv[1], [int(arg) for arg in sys.argv[2:]])
    except Exception as error:  # whatever transformers raises is a verdict on the directory
        print(f"{sys.argv[1]}: {type(error).__name__}: {error}".replace("\n", " "))
        return 1
    print(f"{sys.argv[1]}: loads, {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
