"""Reads a suite's frames with every reader that this Python has.

usage: read_frames.py RESULTS/SUITE [N_CELLS N_TRIALS N_SAMPLES N_STEPS N_CHANGES]

Reads SUITE.parquet, SUITE.trials.parquet, SUITE.samples.parquet, SUITE.curves.parquet and SUITE.transfer.parquet with pandas,
duckdb and polars, and the CSV and NDJSON files beside them if they are there. Checks columns, versions,
row counts, means, that samples add up to their cells and that changes are differences of cells, prints one
line, and exits with status 1 if a reader disagrees. Without any of the three it says so and exits with
status 0.
"""

import importlib.util
import json
import math
import os
import sys

AXES = {"schema_version", "trial", "training_id", "method", "train_on", "shots", "seed"}
CELL_AXES = AXES | {"cell_id", "target", "form", "prompt", "split", "protocol"}
# What every change is of, and what it is against.
CHANGE_AXES = {
    "schema_version", "kind", "method", "prompt", "form", "shots", "against", "against_prompt", "score",
    "train_on", "target", "in_domain", "shared_classes",
}
FRAMES = {
    # suffix: (version, columns, the columns whose means are compared)
    "": (4, CELL_AXES | {
        "suite", "model", "in_domain",
        "synthetic", "limited", "n", "n_split", "mean_choices", "chance_pct", "published_pct", "strict_pct",
        "train_s", "train_gpu_s", "train_tokens", "evaluate_s", "peak_memory_bytes", "started_at", "ended_at", "commit", "libtorch",
        "device", "base_weights_digest", "data_digest", "prompts_digest", "weights_digest",
        "scorer_version", "rescored", "sealed",
    }, ["published_pct", "evaluate_s"]),
    ".trials": (2, AXES | {
        "suite", "model", "train_form", "protocol", "epochs", "prompts_per_step", "learning_rate", "kl_beta",
        "generations", "rewards", "lora_rank", "steps", "final_loss", "load_s", "rollout_s", "update_s", "train_s",
        "train_images", "train_tokens", "n_cells", "evaluate_images", "evaluate_s", "peak_memory_bytes", "started_at", "ended_at",
        "commit", "device", "precision", "base_weights_digest",
    }, ["train_s", "learning_rate", "evaluate_s"]),
    ".samples": (2, CELL_AXES | {
        "index", "image", "question", "n_choices", "choices", "gold", "gold_index", "raw", "answer", "predicted",
        "correct_published",
        "correct_strict", "parse_status", "ambiguous", "thought_names", "n_tokens", "truncated",
    }, ["n_tokens"]),
    ".curves": (2, AXES | {
        "step", "loss", "grad_norm", "lr", "reward_mean", "kl", "entropy", "mean_tokens", "truncated",
        "zero_variance_groups", "load_s", "rollout_s", "reward_s", "update_s", "reward_format",
        "reward_format_answer_first", "reward_format_adaptive", "reward_accuracy", "reward_accuracy_string",
        "reward_accuracy_strict", "reward_accuracy_two_way", "reward_equality",
    }, ["loss", "entropy", "load_s", "rollout_s", "reward_s", "update_s"]),
    ".transfer": (2, CHANGE_AXES | {
        "n_seeds", "n_planned", "n_images", "zero_shot_pct", "change", "lower", "upper", "interval",
        "bootstrap_lower", "bootstrap_upper", "test", "p", "p_holm", "detectable", "untested",
    }, ["change", "lower", "upper", "p_holm"]),
}
KINDS = {"cell", "source", "target", "all"}
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

    def summary(self, path, kind, means):
        frame = self.read[kind](path)
        return set(frame.columns), len(frame), [frame[column].mean() for column in means]

    def values(self, path, column):
        values = self.read["parquet"](path)[column].tolist()
        return [None if value != value else value for value in values]  # pandas has NaN for null


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

    def summary(self, path, kind, means):
        table = self.read[kind](path)
        # A column without a value is text to a reader of CSV and NDJSON.
        wanted = ", ".join(f"avg(try_cast({column} as double))" for column in means)
        n_rows, *found = table.aggregate(f"count(*), {wanted}").fetchall()[0]
        return set(table.columns), n_rows, found

    def values(self, path, column):
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

    def summary(self, path, kind, means):
        frame = self.read[kind](path)
        return set(frame.columns), frame.height, [frame[column].mean() for column in means]

    def values(self, path, column):
        return self.read["parquet"](path)[column].to_list()


READERS = {"pandas": Pandas, "duckdb": Duckdb, "polars": Polars}


def is_there(reader):
    return all(importlib.util.find_spec(module) is not None for module in reader.needs)


def is_null(value):
    return value is None or math.isnan(value)


def is_same(a, b):
    return is_null(a) and is_null(b) or not is_null(a) and not is_null(b) and math.isclose(a, b, rel_tol=1e-9)


def check(stem, suffix, expected_rows, readers):
    """All readers, all files of one frame: the same columns, rows and means."""
    version, expected_columns, means = FRAMES[suffix]
    means = ["schema_version", *means]
    first = None
    for kind in ["parquet", "csv", "ndjson"]:
        path = f"{stem}{suffix}.{kind}"
        if kind != "parquet" and not os.path.exists(path):
            continue
        for name, reader in readers.items():
            columns, n_rows, found = reader.summary(path, kind, means)
            if n_rows == 0 and kind == "ndjson":
                continue  # there is no line to tell the columns
            missing = sorted(expected_columns - columns)
            assert not missing, f"{path}: {name} misses {', '.join(missing)}"
            if expected_rows is not None:
                assert n_rows == expected_rows, f"{path}: {name} reads {n_rows} rows, expected {expected_rows}"
            assert n_rows == 0 or found[0] == version, f"{path}: {name} reads version {found[0]}, expected {version}"
            first = first or (n_rows, found)
            for column, mean, expected in zip(means, found, first[1]):
                assert is_same(mean, expected), f"{path}: {name} reads a mean {column} of {mean}, expected {expected}"
            assert n_rows == first[0], f"{path}: {name} reads {n_rows} rows, expected {first[0]}"
    return first[0]


def check_sums(stem, reader):
    """Samples add up to the cells that have samples."""
    def column(suffix, name):
        return reader.values(f"{stem}{suffix}.parquet", name)

    unknown = set(column(".samples", "parse_status")) - PARSE_STATUS
    assert not unknown, f"{stem}: parse status {', '.join(sorted(unknown))}"
    n_of, right_of = {}, {}
    for cell, correct in zip(column(".samples", "cell_id"), column(".samples", "correct_published")):
        n_of[cell] = n_of.get(cell, 0) + 1
        right_of[cell] = right_of.get(cell, 0) + int(correct)
    for cell, n, right in zip(column("", "cell_id"), column("", "n"), column("", "n_correct_published")):
        found = (n_of.get(cell, n), right_of.get(cell, right))
        assert found == (n, right), f"{stem}: cell {cell} has {found} samples and right ones, expected {(n, right)}"


def check_trials(stem, reader):
    """Every fine-tune of the cells is one trial, with the same seconds, and their evaluations add up to its own."""
    def rows(suffix, names):
        return zip(*(reader.values(f"{stem}{suffix}.parquet", name) for name in names))

    trials = {key: rest for key, *rest in rows(".trials", ["trial", "train_s", "evaluate_s", "n_cells"])}
    took, n_cells = {}, {}
    for key, train_s, evaluate_s in rows("", ["trial", "train_s", "evaluate_s"]):
        assert is_same(train_s, trials[key][0]), f"{stem}: {key} trained for {trials[key][0]} s, its cells say {train_s}"
        took[key] = took.get(key, 0) + (evaluate_s or 0)
        n_cells[key] = n_cells.get(key, 0) + 1
    found = {key: (round(evaluate_s, 6), n) for key, (_, evaluate_s, n) in trials.items()}
    assert found == {key: (round(took[key], 6), n_cells[key]) for key in took}, f"{stem}: trials and cells differ"


def check_predicted(stem, reader):
    """What an answer means is among the names of its question, and so is what is right."""
    names = ["choices", "gold", "gold_index", "predicted", "correct_strict"]
    for choices, gold, gold_index, predicted, correct in zip(*(reader.values(f"{stem}.samples.parquet", name) for name in names)):
        listed = [] if choices is None else json.loads(choices)
        assert predicted is None or predicted in listed, f"{stem}: predicted {predicted} of {listed}"
        assert gold_index is None or listed[int(gold_index)] == gold, f"{stem}: gold {gold} at {gold_index} of {listed}"
        assert not correct or predicted is None or predicted.lower() == gold.lower(), f"{stem}: {predicted} for {gold} is right"


def check_classes(stem, reader):
    """The classes of a cell that has samples add up to it."""
    numbers = ["n", "n_correct_published", "n_correct_strict"]

    def sums(suffix):
        found = {}
        for key, *row in zip(*(reader.values(f"{stem}{suffix}.parquet", name) for name in ["cell_id", *numbers])):
            found[key] = [sum + int(number) for sum, number in zip(found.get(key, [0] * len(row)), row)]
        return found

    cells, classes = sums(""), sums(".classes")
    assert classes == {key: cells[key] for key in classes}, f"{stem}: classes and cells differ"


def check_steps(stem, reader):
    """A step's rewarding is a part of its rollout, and only GRPO has an entropy."""
    names = ["reward_mean", "entropy", "rollout_s", "reward_s", "update_s"]
    columns = [reader.values(f"{stem}.curves.parquet", name) for name in names]
    for reward, entropy, rollout_s, reward_s, update_s in zip(*columns):
        assert reward is not None or entropy is None, f"{stem}: a step without a rollout has an entropy of {entropy}"
        assert entropy is None or 0 <= entropy, f"{stem}: a step's entropy is {entropy}"
        if update_s is not None:
            told = f"{stem}: a step's rollout took {rollout_s} s, {reward_s} s of it to reward"
            assert 0 <= reward_s <= rollout_s and 0 <= update_s, told


def check_changes(stem, reader):
    """A change against zero-shot is the mean of its cells less zero-shot's, where no seed is missing."""
    def rows(suffix, names):
        return zip(*(reader.values(f"{stem}{suffix}.parquet", name) for name in names))

    axes = ["method", "prompt", "form", "shots", "train_on", "target"]
    scores = {}
    for *key, published, strict in rows("", [*axes, "published_pct", "strict_pct"]):
        if published is not None:
            scores.setdefault(tuple(key), []).append({"published": published, "strict": strict})
    names = ["kind", "against", "score", "zero_shot_pct", "change", "lower", "upper", "n_seeds", "n_planned"]
    n_held = 0
    for *key, kind, against, score, zero_shot, change, lower, upper, n_seeds, n_planned in rows(".transfer", [*axes, *names]):
        assert kind in KINDS, f"{stem}: a change of kind {kind}"
        assert lower is None or lower <= upper, f"{stem}: a change from {lower} to {upper}"
        if kind == "cell" and against == "zero-shot" and change is not None and n_seeds == n_planned:
            found = [cell[score] for cell in scores[tuple(key)]]
            expected = sum(found) / len(found) - zero_shot
            assert math.isclose(change, expected, abs_tol=1e-6), f"{stem}: {key} changes by {change}, expected {expected}"
            n_held += 1
    return n_held


def main(arguments):
    if len(arguments) not in (1, 1 + len(FRAMES)):
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
        check_trials(stem, reader)
        check_predicted(stem, reader)
        check_classes(stem, reader)
        check_steps(stem, reader)
        n_held = check_changes(stem, reader)
    n_cells, n_trials, n_samples, n_steps, n_changes = counts
    print(
        f"{n_cells} cells, {n_trials} trials, {n_samples} samples, {n_steps} steps and {n_changes} changes, {n_held} of them held to "
        f"their cells, read alike by {', '.join(readers)}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
