"""Reads a suite's frames with every reader that this Python has.

usage: read_frames.py RESULTS/SUITE [N_CELLS N_SAMPLES N_STEPS]

Reads SUITE.parquet, SUITE.samples.parquet and SUITE.curves.parquet with pandas, duckdb and polars, and
the CSV and NDJSON files beside them if they are there. Checks columns, row counts, a mean and that
samples add up to their cells, prints one line, and exits with status 1 if a reader disagrees. Without
any of the three it says so and exits with status 0.
"""

import importlib.util
import math
import os
import sys

AXES = {"schema_version", "trial", "training_id", "method", "train_on", "shots", "seed"}
CELL_AXES = AXES | {"cell_id", "target", "form", "prompt", "split", "protocol"}
FRAMES = {
    # suffix: (columns, the column whose mean is compared)
    "": (CELL_AXES | {
        "synthetic", "limited", "n", "n_split", "mean_choices", "chance_pct", "published_pct", "strict_pct",
        "train_s", "train_gpu_s", "train_tokens", "evaluate_s", "peak_memory_bytes", "commit", "libtorch",
        "device", "base_weights_digest", "data_digest", "prompts_digest", "weights_digest",
        "scorer_version", "rescored",
    }, "published_pct"),
    ".samples": (CELL_AXES | {
        "index", "image", "question", "n_choices", "gold", "raw", "answer", "correct_published",
        "correct_strict", "parse_status", "ambiguous", "thought_names", "n_tokens", "truncated",
    }, "n_tokens"),
    ".curves": (AXES | {
        "step", "loss", "grad_norm", "lr", "reward_mean", "kl", "mean_tokens", "truncated",
        "zero_variance_groups", "reward_format", "reward_accuracy",
    }, "loss"),
}
PARSE_STATUS = {"ok", "empty", "truncated", "no-tag", "off-list"}


class Pandas:
    needs = ["pandas", "pyarrow"]  # pandas alone reads no Parquet

    def __init__(self):
        import pandas

        self.read = {
            "parquet": pandas.read_parquet,
            "csv": pandas.read_csv,
            "ndjson": lambda path: pandas.read_json(path, lines=True),
        }

    def summary(self, path, kind, column):
        frame = self.read[kind](path)
        return set(frame.columns), len(frame), frame[column].mean()

    def texts(self, path, column):
        return self.read["parquet"](path)[column].tolist()


class Duckdb:
    needs = ["duckdb"]

    def __init__(self):
        import duckdb

        self.read = {
            "parquet": duckdb.read_parquet,
            # One thread: a line break within quotes must not end a row. The sniffer sees all rows.
            "csv": lambda path: duckdb.read_csv(path, header=True, sample_size=-1, parallel=False),
            "ndjson": lambda path: duckdb.read_json(path, format="newline_delimited"),
        }

    def summary(self, path, kind, column):
        table = self.read[kind](path)
        n_rows, mean = table.aggregate(f"count(*), avg({column})").fetchall()[0]
        return set(table.columns), n_rows, math.nan if mean is None else mean

    def texts(self, path, column):
        return [row[0] for row in self.read["parquet"](path).project(column).fetchall()]


class Polars:
    needs = ["polars"]

    def __init__(self):
        import polars

        self.read = {
            "parquet": polars.read_parquet,
            "csv": lambda path: polars.read_csv(path, infer_schema_length=None),
            "ndjson": lambda path: polars.read_ndjson(path, infer_schema_length=None),
        }

    def summary(self, path, kind, column):
        frame = self.read[kind](path)
        mean = frame[column].mean()
        return set(frame.columns), frame.height, math.nan if mean is None else mean

    def texts(self, path, column):
        return self.read["parquet"](path)[column].to_list()


READERS = {"pandas": Pandas, "duckdb": Duckdb, "polars": Polars}


def is_there(reader):
    return all(importlib.util.find_spec(module) is not None for module in reader.needs)


def is_same(a, b):
    return math.isclose(a, b, rel_tol=1e-9) or (math.isnan(a) and math.isnan(b))


def check(stem, suffix, expected_rows, readers):
    """All readers, all files of one frame: the same columns, rows and mean."""
    expected_columns, column = FRAMES[suffix]
    first = None
    for kind in ["parquet", "csv", "ndjson"]:
        path = f"{stem}{suffix}.{kind}"
        if kind != "parquet" and not os.path.exists(path):
            continue
        for name, reader in readers.items():
            columns, n_rows, mean = reader.summary(path, kind, column)
            if n_rows == 0 and kind == "ndjson":
                continue  # there is no line to tell the columns
            missing = sorted(expected_columns - columns)
            assert not missing, f"{path}: {name} misses {', '.join(missing)}"
            if expected_rows is not None:
                assert n_rows == expected_rows, f"{path}: {name} reads {n_rows} rows, expected {expected_rows}"
            first = first or (n_rows, mean)
            assert n_rows == first[0] and is_same(mean, first[1]), f"{path}: {name} reads {n_rows} rows of mean {mean}, expected {first}"
    return first[0]


def check_sums(stem, reader):
    """Samples add up to the cells that have samples."""
    def column(suffix, name):
        return reader.texts(f"{stem}{suffix}.parquet", name)

    unknown = set(column(".samples", "parse_status")) - PARSE_STATUS
    assert not unknown, f"{stem}: parse status {', '.join(sorted(unknown))}"
    n_of, right_of = {}, {}
    for cell, correct in zip(column(".samples", "cell_id"), column(".samples", "correct_published")):
        n_of[cell] = n_of.get(cell, 0) + 1
        right_of[cell] = right_of.get(cell, 0) + int(correct)
    for cell, n, right in zip(column("", "cell_id"), column("", "n"), column("", "n_correct_published")):
        found = (n_of.get(cell, n), right_of.get(cell, right))
        assert found == (n, right), f"{stem}: cell {cell} has {found} samples and right ones, expected {(n, right)}"


def main(arguments):
    if len(arguments) not in (1, 4):
        sys.exit(__doc__)
    readers = {name: reader() for name, reader in READERS.items() if is_there(reader)}
    if not readers:
        print("skipped: neither pandas with pyarrow nor duckdb nor polars is installed")
        return
    stem = arguments[0]
    expected = [int(count) for count in arguments[1:]] or [None] * len(FRAMES)
    counts = [check(stem, suffix, rows, readers) for suffix, rows in zip(FRAMES, expected)]
    for reader in readers.values():
        check_sums(stem, reader)
    n_cells, n_samples, n_steps = counts
    print(f"{n_cells} cells, {n_samples} samples and {n_steps} steps read alike by {', '.join(readers)}")


if __name__ == "__main__":
    main(sys.argv[1:])
