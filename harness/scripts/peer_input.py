#!/usr/bin/env python3
"""Timing peer of the input path: pictures' files to patches as the authors' training does it, with Pillow and the
model's Pillow processor, in as many threads as asked for. Takes the processor from peer_common.py.
"""
import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import peer_common as pc
import PIL
import torch
from PIL import Image


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--pictures", type=Path, required=True)
    ap.add_argument("--order", choices=["rgb384"], default="rgb384")
    ap.add_argument("--warmup", type=int, default=1)
    ap.add_argument("--steps", type=int, default=3)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--json-out", type=Path)
    a = ap.parse_args()
    torch.set_num_threads(1)
    endings = {".jpg", ".jpeg", ".png"}
    paths = sorted(path for path in a.pictures.rglob("*") if path.suffix.lower() in endings)
    proc = pc.processor("pil")

    def patches(path):
        picture = Image.open(path).convert("RGB").resize((384, 384), Image.Resampling.LANCZOS)
        return proc(images=[picture], return_tensors="np")["pixel_values"].shape[0]

    steps = []
    with ThreadPoolExecutor(a.threads) as pool:
        for step in range(a.warmup + a.steps):
            started = time.perf_counter()
            n_patches = sum(pool.map(patches, paths))
            if step >= a.warmup:
                steps.append({"step": time.perf_counter() - started})
    mean = sum(step["step"] for step in steps) / len(steps)
    out = {
        "args": {"pictures": str(a.pictures), "order": a.order, "warmup": a.warmup, "steps": a.steps, "threads": a.threads},
        "pillow": PIL.__version__, "threads": a.threads, "pictures": len(paths), "patches": n_patches, "steps": steps,
        "seconds_per_pass": {"step": mean}, "images_per_s": len(paths) / mean, "ms_per_image": 1000 * mean / len(paths),
    }
    text = json.dumps(out, indent=1)
    print(text)
    if a.json_out:
        a.json_out.write_text(text + "\n")


if __name__ == "__main__":
    main()
