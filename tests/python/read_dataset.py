"""Loads an exported dataset with Hugging Face's datasets, and holds it to the frames.

usage: read_dataset.py DIR RESULTS/SUITE

Every frame is a configuration of DIR, with the rows and values of SUITE.*.ndjson; the cells are the default. The card
says what they were made from. Prints one line.
"""

import json
import math
import sys

from datasets import get_dataset_config_names, load_dataset
from huggingface_hub import DatasetCard

FRAMES = {"cells": "", "trials": ".trials", "samples": ".samples", "classes": ".classes", "curves": ".curves", "transfer": ".transfer"}


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def is_same(found, expected):
    if isinstance(expected, float) or isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-12)
    return found == expected


def main(dir, stem):
    assert sorted(get_dataset_config_names(dir)) == sorted(FRAMES), get_dataset_config_names(dir)
    n_rows = {}
    for name, suffix in FRAMES.items():
        expected = lines(f"{stem}{suffix}.ndjson")
        loaded = load_dataset(dir, name, split="train")
        assert loaded.num_rows == len(expected), f"{name}: {loaded.num_rows} rows, expected {len(expected)}"
        for found, row in zip(loaded, expected):
            for column, value in row.items():
                assert is_same(found[column], value), f"{name}: {column} is {found[column]}, expected {value}"
        n_rows[name] = loaded.num_rows
    assert load_dataset(dir, split="train").num_rows == n_rows["cells"]
    card = DatasetCard.load(f"{dir}/README.md")
    assert card.data.license == "other" and card.data.size_categories == ["n<1K"], card.data
    cell = lines(f"{stem}.ndjson")[0]
    for name in ["suite", "protocol", "base_weights_digest", "commit"]:
        assert f"`{cell[name]}`" in card.text, f"{name} {cell[name]} is not in the card"
    for name, n in n_rows.items():
        assert f"| `{name}` | {n} |" in card.text, f"{name} has other rows in the card"
    print(", ".join(f"{n} {name}" for name, n in n_rows.items()))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
