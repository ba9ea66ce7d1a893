"""Reads TensorBoard's event files of a run and holds them to its frames.

usage: read_events.py RESULTS/SUITE

Reads RESULTS/SUITE.tensorboard with tensorboard's own reader. Every number of every step in SUITE.curves.ndjson must
be there under its tag, rounded to float32, and nothing else; so must every cell's accuracy of SUITE.ndjson, and a text
that says what a trial's numbers are of. Prints one line.
"""

import json
import os
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

AXES = {"schema_version", "trial", "training_id", "method", "train_on", "shots", "seed", "step"}


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def tag_of(column):
    if column.endswith("_s"):
        return f"seconds/{column[:-2]}"
    return f"reward/{column[7:]}" if column.startswith("reward_") else f"train/{column}"


def rounded(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def expected_of(stem):
    """The points of each trial by tag: step and value."""
    expected = {}
    for step in rows(f"{stem}.curves.ndjson"):
        of_trial = expected.setdefault(step["trial"], {})
        for column, value in step.items():
            if column not in AXES and value is not None:
                of_trial.setdefault(tag_of(column), []).append((step["step"], rounded(value)))
    for cell in rows(f"{stem}.ndjson"):
        of_trial = expected.setdefault(cell["trial"], {})
        name = ".".join([cell["target"], *([] if cell["form"] == "few-shot" else [cell["form"]]), cell["prompt"]])
        for column in ["published_pct", "strict_pct"]:
            of_trial[f"{column}/{name}"] = [(cell["steps"], rounded(cell[column]))]
    return expected


def main(stem):
    expected = expected_of(stem)
    folder = f"{stem}.tensorboard"
    assert sorted(os.listdir(folder)) == sorted(expected), f"{folder} has {os.listdir(folder)}"
    identities = {row["trial"]: row for row in rows(f"{stem}.trials.ndjson")}
    n_points = 0
    for trial, tags in expected.items():
        # 0 keeps all points.
        events = EventAccumulator(os.path.join(folder, trial), size_guidance={"scalars": 0, TENSORS: 0})
        events.Reload()
        found = {
            tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]
        }
        assert sorted(found) == sorted(tags), f"{trial}: {sorted(found)}, expected {sorted(tags)}"
        for tag, points in tags.items():
            assert found[tag] == points, f"{trial}: {tag} is {found[tag]}, expected {points}"
        n_points += sum(map(len, found.values()))
        (text,) = events.Tensors("trial")
        text = text.tensor_proto.string_val[0].decode()
        row = identities[trial]
        for name in ["suite", "protocol", "trial", "training_id", "base_weights_digest", "commit"]:
            assert f"`{row[name]}`" in text, f"{trial}: {name} {row[name]} is not in {text}"
    print(f"{len(expected)} trials with {n_points} points")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
