#!/usr/bin/env python3
"""Makes a golden set for `clsrl-bench doctor --goldens` of any weights: what transformers computes of random prompts.

usage: peer_goldens.py --model DIR --to DIR [--dtype bf16|fp32] [--device cuda|cpu] [--prompt-tokens N] [--new N]

Writes DIR/model (a link), forward.safetensors (prompts, picture features, last logits, alone and as a left-padded
batch) and generate.json (greedy ids with the margin of the likeliest token). peer_common.py must be on PYTHONPATH.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import peer_common as pc
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import GenerationConfig


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--model", required=True)
    ap.add_argument("--to", type=Path, required=True)
    ap.add_argument("--dtype", choices=["bf16", "fp32"], default="fp32")
    ap.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    ap.add_argument("--image-size", type=int, default=384)
    ap.add_argument("--prompt-tokens", type=int, default=330)
    ap.add_argument("--new", type=int, default=8)
    ap.add_argument("--threads", type=int, default=0)
    a = ap.parse_args()
    a.attn, a.seed, a.random_2b = "sdpa", 5, False
    dev, dt, attn = pc.setup(a)
    torch.backends.cuda.matmul.allow_tf32 = False
    model, _ = pc.build(a, dev, dt, attn)
    model.eval()
    tok, proc, rng = pc.token_ids(model), pc.processor("pil"), np.random.default_rng(a.seed)
    tensors, cases = {}, []
    for idx in range(3):
        picture = pc.picture(rng).resize((a.image_size, a.image_size - 56 * idx), Image.Resampling.LANCZOS)
        made = proc(images=[picture], return_tensors="pt")
        n_image = int(made["image_grid_thw"].prod()) // 4
        ids = torch.tensor([pc.prompt_ids(rng, tok, n_image, a.prompt_tokens - 9 * idx)])
        cases.append((ids, made["pixel_values"], made["image_grid_thw"]))
        tensors |= {f"s{idx}.input_ids": ids, f"s{idx}.pixel_values": made["pixel_values"], f"s{idx}.image_grid_thw": made["image_grid_thw"]}

    def inputs(chosen):
        longest = max(ids.shape[1] for ids, _, _ in chosen)
        gaps = [longest - ids.shape[1] for ids, _, _ in chosen]
        ids = torch.cat([torch.nn.functional.pad(case[0], (gap, 0), value=tok["pad"]) for case, gap in zip(chosen, gaps)])
        mask = torch.stack([torch.cat([torch.zeros(gap), torch.ones(longest - gap)]) for gap in gaps]).long()
        pixels, grids = (torch.cat([case[at] for case in chosen]).to(dev) for at in (1, 2))
        return dict(input_ids=ids.to(dev), attention_mask=mask.to(dev), pixel_values=pixels, image_grid_thw=grids,
                    mm_token_type_ids=(ids == tok["image"]).int().to(dev))

    greedy = GenerationConfig(do_sample=False, max_new_tokens=a.new, eos_token_id=tok["eos"], pad_token_id=tok["pad"], use_cache=True,
                              output_logits=True, return_dict_in_generate=True)

    def answers(chosen):
        given = inputs(chosen)
        out = model.generate(**given, generation_config=greedy)
        best = torch.stack(out.logits).float().topk(2, -1).values  # (t, b, 2)
        rows = []
        for row, ids in enumerate(out.sequences[:, given["input_ids"].shape[1]:].tolist()):
            used = ids.index(tok["eos"]) + 1 if tok["eos"] in ids else len(ids)
            rows.append({"ids": ids, "used": used, "margins": (best[:, row, 0] - best[:, row, 1]).tolist()})
        return rows

    with torch.inference_mode():
        singles = []
        for idx, case in enumerate(cases):
            logits = model(**inputs([case]), logits_to_keep=1).logits[:, -1]
            tensors[f"s{idx}.last_logits"] = logits.float().cpu().clone()
            singles += answers([case])
        tensors["batch.last_logits"] = model(**inputs(cases), logits_to_keep=1).logits[:, -1].float().cpu().clone()
        batch = answers(cases)
    a.to.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, a.to / "forward.safetensors")
    content = {"max_new_tokens": a.new, "eos_token_id": [tok["eos"]], "pad_token_id": tok["pad"], "singles": singles, "batch": batch}
    (a.to / "generate.json").write_text(json.dumps(content, indent=1) + "\n")
    link = a.to / "model"
    if not link.exists():
        link.symlink_to(Path(a.model).resolve())
    print(json.dumps({"to": str(a.to), "dtype": str(dt), "device": str(dev)}))


if __name__ == "__main__":
    main()
