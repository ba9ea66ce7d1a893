#!/usr/bin/env python3
"""Damages the JPEG files of this folder and prints what Pillow 13.0.0 makes of each: `damaged.txt`.

    python3 damaged.py FIRST LAST > damaged.txt

One line is the damage's seed and, for every file in the order of their names, the CRC-32 of the RGB pixels or `-`
where Pillow refuses. The damage is that of `../damaged.rs`: a seed's remainder by four says of which kind.
"""
import sys
import zlib
from io import BytesIO
from pathlib import Path

from PIL import Image


class Lcg:
    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, n: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 33) % n


def damaged(data: bytes, seed: int) -> bytes:
    random, data = Lcg(seed), bytearray(data)
    entropy = data.index(b"\xff\xda") + 14
    kind = seed % 4
    # Extreme quantisation, alone or with the rest.
    if kind in (0, 1):
        table = data.index(b"\xff\xdb") + 5
        for _ in range(1 + random.below(64)):
            data[table + random.below(64)] = 255 - random.below(40)
    # Other bytes among the codes.
    if kind in (1, 2):
        for _ in range(1 + random.below(8)):
            data[entropy + random.below(len(data) - 2 - entropy)] = random.below(255)
    # Other bytes anywhere.
    if kind == 3:
        for _ in range(1 + random.below(3)):
            data[2 + random.below(len(data) - 4)] = random.below(256)
    return bytes(data)


def pixels(data: bytes) -> str:
    try:
        with Image.open(BytesIO(data)) as image:
            if image.format != "JPEG":
                return "-"
            return f"{zlib.crc32(image.convert('RGB').tobytes()):08x}"
    except Exception:
        return "-"


def main() -> None:
    Image.MAX_IMAGE_PIXELS = None
    files = sorted(Path(__file__).parent.glob("*.jpg"))
    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        print(seed, *(pixels(damaged(file.read_bytes(), seed)) for file in files))


if __name__ == "__main__":
    main()
