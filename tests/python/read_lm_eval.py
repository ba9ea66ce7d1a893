"""Reads an export for lm-evaluation-harness with its own functions, and holds it to the frames.

usage: read_lm_eval.py DIR RESULTS/SUITE

Every file is found, named and tabulated by lm_eval; every metric and its standard error are computed again by lm_eval
from the samples; hashes are its hashes; and each accuracy is the one of the cell in SUITE.ndjson. Prints one line.
"""

import json
import math
import os
import sys

import datasets
from lm_eval.api.metrics import mean, mean_stderr
from lm_eval.result_schema import SampleResult
from lm_eval.utils import (
    get_file_datetime,
    get_file_task_name,
    get_latest_filename,
    get_results_filenames,
    get_sample_results_filenames,
    hash_string,
    make_table,
    sanitize_model_name,
)

# What `simple_evaluate` and the tracker write, whatever was evaluated, but for the versions of libraries that did not run.
RESULTS = {
    "results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "config", "git_hash",
    "date", "task_hashes", "model_source", "model_name", "model_name_sanitized", "system_instruction",
    "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha",
    "total_evaluation_time_seconds",
}


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def hashed(sample):
    doc = json.dumps(sample["doc"], indent=2, ensure_ascii=False)
    prompt = sample["arguments"]["gen_args_0"]["arg_0"]
    return hash_string(doc), hash_string(prompt), hash_string(str(sample["target"]))


def check_task(samples, metrics, task):
    for filter in ["published", "strict"]:
        scores = [sample["acc"] for sample in samples if sample["filter"] == filter]
        assert math.isclose(mean(scores), metrics[f"acc,{filter}"]), f"{task}: {filter}"
        error = metrics[f"acc_stderr,{filter}"]
        if len(scores) == 1:
            assert error == "N/A", error
        else:
            assert math.isclose(mean_stderr(scores), error, abs_tol=1e-12), f"{task}: {mean_stderr(scores)} is not {error}"
        assert len(scores) == metrics["sample_len"], f"{task}: {len(scores)}"


def check_model(folder, files, cells):
    """One model: its results file, and a samples file for each of its tasks."""
    (path,) = get_results_filenames(files)
    with open(path, encoding="utf-8") as file:
        results = json.load(file)
    assert not RESULTS - set(results), f"{path} misses {RESULTS - set(results)}"
    assert sanitize_model_name(results["model_name"]) == results["model_name_sanitized"] == os.path.basename(folder)
    table = make_table(results)
    samples_of = {get_file_task_name(os.path.basename(path)): path for path in get_sample_results_filenames(files)}
    assert sorted(samples_of) == sorted(results["results"]), f"{sorted(samples_of)}"
    for task, path_of_samples in samples_of.items():
        assert get_file_datetime(path_of_samples) == get_file_datetime(path).removesuffix(".json"), path_of_samples
        samples = lines(path_of_samples)
        assert not set(SampleResult.__annotations__) - set(samples[0]), sorted(samples[0])
        check_task(samples, results["results"][task], task)
        hashes = [hashed(sample) for sample in samples]
        assert hashes == [(s["doc_hash"], s["prompt_hash"], s["target_hash"]) for s in samples], task
        assert hash_string("".join(map("".join, hashes))) == results["task_hashes"][task], task
        assert f"|{results['results'][task]['alias']}" in table.replace("| ", "|"), table
        loaded = datasets.load_dataset("json", data_files=path_of_samples, split="train")
        assert loaded.num_rows == len(samples), loaded
        made = results["clsrl_bench"]
        cell = cells.pop(made["tasks"][task]["cell_id"])
        found = results["results"][task]
        assert math.isclose(100 * found["acc,published"], cell["published_pct"]), f"{found} is not {cell}"
        assert math.isclose(100 * found["acc,strict"], cell["strict_pct"]), f"{found} is not {cell}"
        for name in ["suite", "protocol", "training_id", "weights_digest", "base_weights_digest", "commit"]:
            assert made[name] == cell[name], f"{task}: {name} is {made[name]}, expected {cell[name]}"
        assert results["config"]["model_sha"] == cell["weights_digest"]
        assert results["n-samples"][task] == {"original": cell["n_split"], "effective": cell["n"]}
        assert get_latest_filename([path_of_samples]) == path_of_samples


def main(dir, stem):
    cells = {cell["cell_id"]: cell for cell in lines(f"{stem}.ndjson")}
    n_cells = len(cells)
    folders = sorted(os.listdir(dir))
    for name in folders:
        folder = os.path.join(dir, name)
        check_model(folder, [os.path.join(folder, file) for file in os.listdir(folder)], cells)
    assert not cells, f"{sorted(cells)} are not exported"
    print(f"{len(folders)} models with {n_cells} tasks")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
