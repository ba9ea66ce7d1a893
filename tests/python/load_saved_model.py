"""Loads a model directory that we wrote with transformers, and says in one line whether it fits.

usage: python load_saved_model.py DIR [ID ...]

The class is the one that `config.json` names, Qwen2-VL's if none; a release that has none of that name says so. Every tensor of the
architecture must be in the file and no other. With token ids, one forward pass is run, and the
logits behind the last id follow on a second line, one number a word. Exit code 0 if all holds, else 1.
"""

import json
import os
import sys

import torch
import transformers


def check(model_dir: str, ids: list[int]) -> tuple[str, list[float]]:
    """Returns what was found, and logits; raises ValueError if the directory does not fit."""
    if not os.path.isdir(model_dir):
        raise ValueError("not a directory")
    with open(os.path.join(model_dir, "config.json")) as file:
        names = json.load(file).get("architectures")
    name = names[0] if names else "Qwen2VLForConditionalGeneration"
    architecture = getattr(transformers, name, None)
    if architecture is None:
        return f"no {name} in transformers {transformers.__version__}", []
    model, info = architecture.from_pretrained(
        model_dir, output_loading_info=True, torch_dtype=torch.float32, attn_implementation="eager"
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info.get(kind):
            raise ValueError(f"{kind}: {sorted(map(str, info[kind]))}")
    found = f"{sum(parameter.numel() for parameter in model.parameters())} parameters"
    if not ids:
        return found, []
    with torch.no_grad():
        logits = model.eval()(input_ids=torch.tensor([ids])).logits[0, -1]
    if not torch.isfinite(logits).all():
        raise ValueError("logits are not finite")
    return f"{found}, next token {int(logits.argmax())}", logits.tolist()


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 1
    try:
        found, logits = check(sys.argv[1], [int(arg) for arg in sys.argv[2:]])
    except Exception as error:  # whatever transformers raises is a verdict on the directory
        print(f"{sys.argv[1]}: {type(error).__name__}: {error}".replace("\n", " "))
        return 1
    print(f"{sys.argv[1]}: loads, {found}")
    print(*logits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
