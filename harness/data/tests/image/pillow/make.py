#!/usr/bin/env python3
"""Makes the JPEG files of this folder and the tables in ../pillow.rs, with Pillow 13.0.0 and numpy."""
import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

ImageFile.MAXBLOCK = 1 << 20
SUBSAMPLING = {"444": 0, "422": 1, "420": 2}
# Name, mode, size, and how it is written. What is `noisy` has the longest codes, what is not has blocks of few coefficients.
KINDS = [
    ("gray_noisy", "L", (53, 37), {"quality": 97}),
    ("444_restarts", "RGB", (61, 40), {"quality": 60, "restart_marker_blocks": 3}),
    ("422_odd", "RGB", (67, 35), {"quality": 85}),
    ("422_progressive", "RGB", (71, 30), {"quality": 75, "progressive": True}),
    ("420_noisy", "RGB", (75, 41), {"quality": 97, "optimize": True}),
    ("420_smooth", "RGB", (130, 33), {"quality": 30}),
    ("420_narrow", "RGB", (4, 50), {"quality": 80}),
    ("420_narrowest_filtered", "RGB", (5, 50), {"quality": 80}),
    ("420_progressive_noisy", "RGB", (40, 50), {"quality": 90, "progressive": True, "restart_marker_blocks": 2}),
    ("444_inks", "CMYK", (49, 33), {"quality": 80}),
    ("420_inks_progressive", "CMYK", (51, 35), {"quality": 70, "progressive": True}),
]
# Pillow writes no other sampling, so these are the data of another one under a header that asks for as many blocks.
RESHAPED = [
    ("440_reshaped", "422", (64, 48), (48, 64), 0x12),
    ("411_reshaped", "420", (64, 48), (128, 24), 0x41),
]
RESIZED = [((67, 45), (384, 384)), ((384, 384), (392, 392)), ((300, 200), (28, 33)), ((40, 300), (39, 61)), ((3, 2), (50, 50)), ((90, 33), (90, 64))]


def draw(width: int, height: int, channels: int, noisy: bool) -> np.ndarray:
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    waves = 128 + 60 * np.sin(x * 0.11 + c) + 60 * np.cos(y * 0.07 - x * 0.02)
    noise = (x * x * 31 + y * y * 17 + x * y * 7 + c * 101) % 256
    return (noise if noisy else waves).astype(np.uint8)


def jpeg(mode: str, size: tuple[int, int], sampling: str, noisy: bool, options: dict) -> bytes:
    pixels = draw(*size, len(mode), noisy)
    image = Image.fromarray(pixels[..., 0] if mode == "L" else pixels, mode)
    file = BytesIO()
    image.save(file, "JPEG", **({"subsampling": SUBSAMPLING[sampling]} if mode != "L" else {}), **options)
    return file.getvalue()


def reshape(data: bytes, size: tuple[int, int], sampling: int) -> bytes:
    frame = data.index(b"\xff\xc0") + 4
    width, height = (side.to_bytes(2, "big") for side in size)
    head = data[: frame + 1] + height + width + data[frame + 5 : frame + 7]
    return head + bytes([sampling]) + data[frame + 8 :]


def digest(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def main() -> None:
    files = {name: jpeg(mode, size, name[:3], "noisy" in name, options) for name, mode, size, options in KINDS}
    for name, sampling, drawn, size, factors in RESHAPED:
        files[name] = reshape(jpeg("RGB", drawn, sampling, False, {"quality": 85}), size, factors)
    for name, data in files.items():
        Path(__file__).with_name(f"{name}.jpg").write_bytes(data)
        print(f'    ("{name}", "{digest(Image.open(BytesIO(data)).convert("RGB"))}"),')
    for size, to in RESIZED:
        image = Image.fromarray(draw(*size, 3, noisy=True), "RGB")
        for name, which in (("Lanczos", Image.Resampling.LANCZOS), ("Bicubic", Image.Resampling.BICUBIC)):
            print(f'    ({size}, {to}, {name}, "{digest(image.resize(to, which))[:16]}"),')


if __name__ == "__main__":
    main()
