#!/usr/bin/env python3
"""Measures what the program's design assumes of a GPU, from Python alone: launches, attention, uploads, sampling, norms.

usage: gpu_probe.py [--device cuda|cpu] [--seconds N]

Prints one line of JSON for each probe as soon as it is measured, so that what is there is kept if time is up. On a CPU
it shows that it runs. Needs torch alone.
"""

import argparse
import json
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--seconds", type=float, default=45, help="no probe begins later")
    args = parser.parse_args()
    begun = time.monotonic()
    for name, measure in PROBES.items():
        if args.seconds < time.monotonic() - begun:
            print(json.dumps({"probe": name, "skipped": "time is up"}), flush=True)
            continue
        try:
            found = measure(args.device)
        except Exception as error:  # a probe that fails is a finding
            found = {"error": f"{type(error).__name__}: {str(error)[:500]}"}
        print(json.dumps({"probe": name, **found}), flush=True)


def timed(device: str, work, runs: int = 10) -> list[float]:
    """Milliseconds of each run."""
    import torch
    wait = torch.cuda.synchronize if device == "cuda" else (lambda: None)
    seconds = []
    for _ in range(runs):
        wait()
        started = time.perf_counter()
        work()
        wait()
        seconds.append(1000 * (time.perf_counter() - started))
    return seconds


def first_and_best(ms: list[float]) -> dict:
    return {"first_ms": round(ms[0], 3), "best_ms": round(min(ms[1:]), 3)}


def versions(device: str) -> dict:
    import torch
    found = {"torch": torch.__version__}
    if device == "cuda":
        found |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return found


def launches(device: str) -> dict:
    """Microseconds of a tiny kernel, launched one by one and replayed as a graph."""
    import torch
    x, n = torch.zeros(64, device=device), 2000

    def many():
        for _ in range(n):
            x.add_(1)

    found = {"eager_us": round(1000 * min(timed(device, many, 5)) / n, 2)}
    if device == "cuda":
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            many()
        found["graph_us"] = round(1000 * min(timed(device, graph.replay, 5)) / n, 2)
    return found


def attention(device: str) -> dict:
    """Prompts of three lengths in a row, forward and backward: what a new shape costs, by kernel."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    small = device == "cpu"
    b, h, g, d = (1, 4, 2, 32) if small else (16, 12, 2, 128)
    kinds = ["MATH"] if small else ["FLASH_ATTENTION", "CUDNN_ATTENTION", "EFFICIENT_ATTENTION"]
    found = {}
    for kind in kinds:
        shared = kind != "EFFICIENT_ATTENTION"
        for t in (330, 331, 336):
            q, k, v = (torch.randn(b, n, t, d, device=device, dtype=torch.bfloat16, requires_grad=True)
                       for n in (h, g if shared else h, g if shared else h))

            def step():
                mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=shared)
                mixed.sum().backward()

            try:
                with sdpa_kernel(getattr(SDPBackend, kind)):
                    found[f"{kind.lower()} {t}"] = first_and_best(timed(device, step))
            except RuntimeError as error:
                found[f"{kind.lower()} {t}"] = {"error": str(error)[:200]}
    return found


def uploads(device: str) -> dict:
    """The pixels of 16 images in float32: pageable and waited for, pinned and not."""
    import torch
    n = 16 * 784 * 1176 if device == "cuda" else 784 * 1176
    pageable = torch.randn(n)
    found = {"mb": round(4 * n / 1e6), "pageable_ms": round(min(timed(device, lambda: pageable.to(device, copy=True))), 3)}
    if device == "cuda":
        pinned = pageable.pin_memory()
        found["pinned_ms"] = round(min(timed(device, lambda: pinned.to(device, non_blocking=True))), 3)
        found["pinned_bf16_ms"] = round(min(timed(device, lambda p=pinned.bfloat16().pin_memory(): p.to(device, non_blocking=True))), 3)
    return found


def sampling(device: str) -> dict:
    """64 rows of the real vocabulary: drawn from all words, and from the 114 likeliest."""
    import torch
    logits = torch.randn(64 if device == "cuda" else 2, 151936, device=device)
    draws = torch.rand(len(logits), 1, device=device, dtype=torch.double)

    def pick(probs):
        cumulative = probs.cumsum(-1, dtype=torch.double)
        return (cumulative <= draws * cumulative[:, -1:]).sum(-1)

    def from_all():
        least = logits.topk(50).values[:, -1:]
        return pick(logits.masked_fill(logits < least, -torch.inf).softmax(-1))

    def from_largest():
        largest, ids = logits.topk(114)
        kept = largest.masked_fill(largest < largest[:, 49:50], -torch.inf)
        ids, order = ids.sort()
        return ids.gather(1, pick(kept.gather(1, order).softmax(-1))[:, None])

    return {"all_ms": round(min(timed(device, from_all)), 3), "largest_ms": round(min(timed(device, from_largest)), 3)}


def rates(device: str) -> dict:
    """Products of random and of equal numbers, and a copy."""
    import torch
    side, size = (8192, 2 << 30) if device == "cuda" else (512, 64 << 20)
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    ones = torch.ones_like(a)
    x = torch.zeros(size, device=device, dtype=torch.uint8)
    y = torch.empty_like(x)
    tflops = lambda ms: round(2 * side**3 / ms / 1e9, 1)
    return {"random_tflops": tflops(min(timed(device, lambda: a @ b))), "ones_tflops": tflops(min(timed(device, lambda: ones @ ones))),
            "copy_gb_per_s": round(2 * size / min(timed(device, lambda: y.copy_(x))) / 1e6, 1)}


def norms(device: str) -> dict:
    """RMS norm of 16 x 330 tokens: eight operators, and libtorch's kernel between two casts."""
    import torch
    x = torch.randn(16 * 330 if device == "cuda" else 330, 1536, device=device, dtype=torch.bfloat16)
    weight = torch.ones(1536, device=device)

    def operators():
        wide = x.float()
        return (wide * (wide.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * weight).bfloat16()

    fused = lambda: torch.nn.functional.rms_norm(x.float(), (1536,), weight, 1e-6).bfloat16()
    return {"operators_ms": round(min(timed(device, operators)), 4), "fused_ms": round(min(timed(device, fused)), 4)}


PROBES = {"versions": versions, "launches": launches, "attention": attention, "uploads": uploads, "sampling": sampling,
          "rates": rates, "norms": norms}

main()
