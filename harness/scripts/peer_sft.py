#!/usr/bin/env python3
"""Timing peer for supervised fine-tuning of Qwen2-VL with Hugging Face transformers, faithful in COST to the
authors' sft.py under TRL's trainer: a batch of examples in one padded forward pass with labels, logits at every
position, backward; then clip and one fused AdamW step on fp32 master weights.

Takes its model, pictures, clock and output from peer_common.py, whose folder must be on PYTHONPATH.
"""
import argparse

import numpy as np
import peer_common as pc
import torch
from PIL import Image


def examples(a, n, proc, tok, rng, dev):
    pictures = [pc.picture(rng).resize((a.image_size, a.image_size), Image.Resampling.LANCZOS) for _ in range(n)]
    made = proc(images=pictures, return_tensors="pt")
    grid = made["image_grid_thw"].to(dev)
    n_image = int(grid[0].prod()) // 4
    length = a.prompt_tokens + a.completion_tokens
    ids = torch.tensor([pc.prompt_ids(rng, tok, n_image, length) for _ in range(n)], device=dev)
    labels = ids.clone()
    if a.labels == "completion":
        labels[:, : a.prompt_tokens] = -100
    labels[ids == tok["image"]] = -100
    return dict(
        input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels, image_grid_thw=grid,
        pixel_values=made["pixel_values"].to(dev), mm_token_type_ids=(ids == tok["image"]).int(),
    )


def main():
    ap = argparse.ArgumentParser()
    pc.add_common(ap)
    ap.add_argument("--steps", type=int, default=3)
    ap.add_argument("--accum", type=int, default=2, help="examples per optimizer step")
    ap.add_argument("--micro-batch", type=int, help="examples in one forward pass, instead of all")
    ap.add_argument("--processor", default="pil", choices=["pil", "torchvision"])
    ap.add_argument("--lr", type=float, default=1e-6)
    ap.add_argument("--labels", default="all", choices=["all", "completion"], help="all: as the released code")
    ap.add_argument("--gradient-checkpointing", action="store_true")
    a = ap.parse_args()
    dev, dt, attn = pc.setup(a)
    model, t_load = pc.build(a, dev, dt, attn)
    model.train()
    if a.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    tok, proc, rng = pc.token_ids(model), pc.processor(a.processor), np.random.default_rng(a.seed)
    params = [p for p in model.parameters() if p.requires_grad]
    mixed = dt != torch.float32
    master = [p.detach().float().clone().requires_grad_(True) for p in params] if mixed else params
    opt = torch.optim.AdamW(master, lr=a.lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, fused=True)
    micro = a.micro_batch or a.accum
    clock, steps, losses = pc.Clock(dev), [], []
    for step in range(a.warmup + a.steps):
        if step == a.warmup and dev.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        with clock("step"):
            for start in range(0, a.accum, micro):
                n = min(micro, a.accum - start)
                with clock("preprocess"):
                    inputs = examples(a, n, proc, tok, rng, dev)
                with clock("forward"):
                    loss = model(**inputs, use_cache=False).loss
                with clock("backward"):
                    (loss * n / a.accum).backward()
                losses.append(float(loss.detach()))
                del inputs, loss
            with clock("optimizer"):
                if mixed:
                    for m, p in zip(master, params):
                        m.grad = p.grad.float() if p.grad is not None else None
                torch.nn.utils.clip_grad_norm_([m for m in master if m.grad is not None], 1.0)
                opt.step()
                opt.zero_grad(set_to_none=True)
                if mixed:
                    with torch.no_grad():
                        torch._foreach_copy_(params, master)
                    for p in params:
                        p.grad = None
        t = clock.take()
        if step >= a.warmup:
            steps.append(t)
    mean = {k: float(np.mean([s.get(k, 0.0) for s in steps])) for k in steps[0]}
    n_tokens = a.accum * (a.prompt_tokens + a.completion_tokens)
    pc.finish(a, {
        **pc.about(a, dev, dt, attn, model), "load_s": t_load, "seconds_per_step": mean, "steps": steps,
        "images_per_s": a.accum / mean["step"], "trained_tokens_per_s": n_tokens / (mean["forward"] + mean["backward"]),
        "losses": losses, "memory": pc.memory(dev),
    })


if __name__ == "__main__":
    main()
