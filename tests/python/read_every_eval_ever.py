"""Validates an export for Every Eval Ever by its schemas and its validator, and holds it to the frames.

usage: read_every_eval_ever.py DIR RESULTS/SUITE [CONVERTED]

DIR has `data/<collection>/…`. With CONVERTED, a folder that is made, DIR is an export for lm-evaluation-harness
instead: Every Eval Ever's converter reads it, and what it makes is validated. Prints one line.
"""

import glob
import hashlib
import importlib.resources
import json
import math
import os
import subprocess
import sys

import jsonschema


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def every_eval_ever(arguments, cwd):
    command = [sys.executable, "-m", "every_eval_ever", *arguments]
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert ended.returncode == 0, f"{arguments}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def validator_of(name):
    schema = importlib.resources.files("every_eval_ever").joinpath("schemas", name)
    schema = json.loads(schema.read_text(encoding="utf-8"))
    return jsonschema.Draft7Validator(schema), schema["version"]


def check_log(dir, path, schemas, cells):
    """A trial's file, its samples, and the cells that both are of."""
    with open(path, encoding="utf-8") as file:
        log = json.load(file)
    (of_log, version), (of_sample, _) = schemas
    of_log.validate(log)
    assert log["schema_version"] == version, log["schema_version"]
    details = log["detailed_evaluation_results"]
    samples_path = os.path.join(dir, details["file_path"])
    with open(samples_path, "rb") as file:
        assert hashlib.sha256(file.read()).hexdigest() == details["checksum"], samples_path
    samples = lines(samples_path)
    n_right = {}
    for sample in samples:
        of_sample.validate(sample)
        of_result = n_right.setdefault(sample["evaluation_result_id"], [])
        of_result.append(sample["evaluation"]["is_correct"])
    for result in log["evaluation_results"]:
        cell_id, score = result["evaluation_result_id"].split(".")
        cell = cells[cell_id]
        right = n_right.pop(result["evaluation_result_id"])
        found = result["score_details"]["score"]
        assert (sum(right), len(right)) == (cell[f"n_correct_{score}"], cell["n"]), f"{cell_id}: {right}"
        assert math.isclose(100 * found, cell[f"{score}_pct"]), f"{cell_id}: {found}"
        interval = result["score_details"]["uncertainty"]["confidence_interval"]
        assert 0 <= interval["lower"] <= found <= interval["upper"] <= 1, interval
        told = log["model_info"]["additional_details"]
        for name in ["weights_digest", "base_weights_digest", "training_id"]:
            assert told[name] == cell[name], f"{cell_id}: {name} is {told[name]}"
        assert log["eval_library"]["additional_details"]["commit"] == cell["commit"]
        told = log["source_metadata"]["additional_details"]
        assert (told["suite"], told["protocol"]) == (cell["suite"], cell["protocol"]), told
        cell.setdefault("seen", set()).add(score)
    assert not n_right, f"{sorted(n_right)} are of no result"


def main(dir, stem, converted=None):
    if converted:
        every_eval_ever(["convert", "lm_eval", "--log_path", dir, "--output_dir", f"{converted}/data", "--include_samples"], None)
        told = every_eval_ever(["validate", "--format", "json", "data/*/*/*/*.json*"], converted)
        print(f"{len(glob.glob(f'{converted}/data/*/*/*/*.json'))} converted logs, {told.count('.jsonl')} with samples")
        return
    every_eval_ever(["validate", "data/*/*/*/*.json*"], dir)
    cells = {cell["cell_id"]: cell for cell in lines(f"{stem}.ndjson")}
    schemas = validator_of("eval.schema.json"), validator_of("instance_level_eval.schema.json")
    logs = sorted(glob.glob(f"{dir}/data/*/*/*/*.json"))
    for path in logs:
        check_log(dir, path, schemas, cells)
    missing = [cell_id for cell_id, cell in cells.items() if cell.get("seen") != {"published", "strict"}]
    assert not missing, f"{missing} are not exported"
    print(f"{len(logs)} logs of {len(cells)} cells")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
