"""Reads a suite's frames with every reader that this Python has.

usage: read_frames.py CELLS.parquet CURVES.parquet [N_CELLS N_STEPS]

Checks columns, row counts and a mean with pandas, duckdb and polars, prints one line, and exits with
status 1 if a reader disagrees. Without any of the three it says so and exits with status 0.
"""

import importlib.util
import math
import sys

CELLS = {
    "schema_version", "trial", "training_id", "cell_id", "method", "train_on", "target", "prompt",
    "split", "shots", "seed", "protocol", "synthetic", "limited", "n", "n_split", "published_pct",
    "strict_pct", "train_s", "evaluate_s", "peak_memory_bytes", "commit", "libtorch", "device",
}
CURVES = {
    "schema_version", "trial", "method", "train_on", "shots", "seed", "step", "loss", "grad_norm",
    "lr", "reward_mean", "kl", "mean_tokens", "truncated", "zero_variance_groups",
}


def with_pandas(path, column):
    import pandas

    frame = pandas.read_parquet(path)
    return set(frame.columns), len(frame), frame[column].mean()


def with_duckdb(path, column):
    import duckdb

    table = duckdb.read_parquet(path)
    n_rows, mean = table.aggregate(f"count(*), avg({column})").fetchall()[0]
    return set(table.columns), n_rows, math.nan if mean is None else mean


def with_polars(path, column):
    import polars

    frame = polars.read_parquet(path)
    mean = frame[column].mean()
    return set(frame.columns), frame.height, math.nan if mean is None else mean


READERS = {"pandas": with_pandas, "duckdb": with_duckdb, "polars": with_polars}


def is_there(name):
    """pandas alone reads no Parquet; it needs pyarrow."""
    needed = ["pandas", "pyarrow"] if name == "pandas" else [name]
    return all(importlib.util.find_spec(module) is not None for module in needed)


def check(path, column, expected_columns, expected_rows, readers):
    seen = {}
    for name in readers:
        columns, n_rows, mean = READERS[name](path, column)
        missing = sorted(expected_columns - columns)
        assert not missing, f"{path}: {name} misses {', '.join(missing)}"
        if expected_rows is not None:
            assert n_rows == expected_rows, f"{path}: {name} reads {n_rows} rows, expected {expected_rows}"
        seen[name] = (n_rows, mean)
    (first, (n_rows, mean)), *others = seen.items()
    for other, (n_rows_there, mean_there) in others:
        same_mean = math.isclose(mean, mean_there, rel_tol=1e-12) or (math.isnan(mean) and math.isnan(mean_there))
        assert n_rows == n_rows_there and same_mean, f"{path}: {first} and {other} disagree"
    return n_rows


def main(arguments):
    if len(arguments) not in (2, 4):
        sys.exit(__doc__)
    readers = [name for name in READERS if is_there(name)]
    if not readers:
        print("skipped: neither pandas with pyarrow nor duckdb nor polars is installed")
        return
    expected = [int(count) for count in arguments[2:]] or [None, None]
    n_cells = check(arguments[0], "published_pct", CELLS, expected[0], readers)
    n_steps = check(arguments[1], "loss", CURVES, expected[1], readers)
    print(f"{n_cells} cells and {n_steps} steps read alike by {', '.join(readers)}")


if __name__ == "__main__":
    main(sys.argv[1:])
