#!/usr/bin/env python3
"""Prints what torchvision and the fast processor make of pixels from a formula, for the tables in
`src/image/resample/tests.rs` and `src/image/processor/tests.rs`.

Needs torch 2.11.0, torchvision 0.26.0, numpy and, for the processor, transformers 4.49.0. The environment's
ATEN_CPU_CAPABILITY (default, avx2, avx512) chooses libtorch's kernels; all of them print the same.
"""
import zlib

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

SIZES = [
    ((67, 45), (384, 384)), ((384, 384), (392, 392)), ((300, 200), (28, 33)), ((40, 300), (39, 61)),
    ((300, 40), (61, 39)), ((3, 2), (50, 50)), ((90, 33), (90, 64)), ((33, 90), (64, 90)), ((1000, 700), (56, 56)),
    ((1, 1), (28, 28)), ((500, 375), (504, 364)), ((28, 29), (28, 28)), ((1200, 28), (1204, 28)), ((97, 2), (28, 56)),
]


def draw(width: int, height: int) -> np.ndarray:
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * x * 31 + y * y * 17 + x * y * 7 + c * 101) % 256).astype(np.uint8)


def main() -> None:
    print(f"// {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    for size, (width, height) in SIZES:
        pixels = torch.from_numpy(draw(*size)).permute(2, 0, 1)
        resized = functional.resize(pixels, [height, width], interpolation=InterpolationMode.BICUBIC, antialias=True)
        crc = zlib.crc32(resized.permute(1, 2, 0).contiguous().numpy().tobytes())
        print(f"    ({size}, {(width, height)}, 0x{crc:08x}),")
    from transformers.models.qwen2_vl.image_processing_qwen2_vl_fast import Qwen2VLImageProcessorFast

    for size in ((384, 384), (61, 84)):
        # As made by 4.49.0 of a model's settings; `size` is read from the limits.
        processor = Qwen2VLImageProcessorFast(min_pixels=3136, max_pixels=401408, size={"shortest_edge": 3136, "longest_edge": 401408})
        values = processor(Image.fromarray(draw(*size)), return_tensors="pt")["pixel_values"]
        print(f"    ({size}, 0x{zlib.crc32(values.contiguous().numpy().tobytes()):08x}), // {tuple(values.shape)}")


if __name__ == "__main__":
    main()
