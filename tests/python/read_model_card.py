"""Reads the card of a fine-tuned model with huggingface_hub, and holds it to the frames.

usage: read_model_card.py CARD RESULTS/SUITE TRIAL BASE_MODEL

Every accuracy of the trial's cells in SUITE.ndjson is a result of the card's index, with its interval; the text says
what the weights were made from. Prints one line.
"""

import json
import math
import re
import sys

from huggingface_hub import ModelCard


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main(path, stem, trial, base_model):
    card = ModelCard.load(path)
    assert (card.data.base_model, card.data.license) == (base_model, "other"), card.data
    assert card.data.library_name == "transformers" and card.data.pipeline_tag == "image-text-to-text", card.data
    cells = [cell for cell in lines(f"{stem}.ndjson") if cell["trial"] == trial]
    expected = {}
    for cell in cells:
        for score in ["published", "strict"]:
            expected[cell["target"], f"{cell['form']}.{cell['prompt']}", score] = cell[f"{score}_pct"]
    for result in card.data.eval_results:
        assert (result.task_type, result.metric_type) == ("image-classification", "accuracy"), result
        score, lower, upper = re.search(r"(\w+) score \(95 %: ([\d.]+)–([\d.]+)\)", result.metric_name).groups()
        value = expected.pop((result.dataset_type, result.dataset_config, score))
        assert math.isclose(result.metric_value, value), f"{result}, expected {value}"
        assert float(lower) <= value + 0.05 and value - 0.05 <= float(upper), result
        assert f"{value:.1f} ({lower}–{upper})" in card.text, f"{value} with {lower} to {upper} is not in the text"
    assert not expected, f"{sorted(expected)} are not in the card"
    (row,) = [row for row in lines(f"{stem}.trials.ndjson") if row["trial"] == trial]
    for name in ["suite", "protocol", "trial", "training_id", "weights_digest", "base_weights_digest", "commit"]:
        assert f"`{row[name]}`" in card.text, f"{name} {row[name]} is not in the card"
    for name in ["learning_rate", "epochs", "prompts_per_step"]:
        assert f"| `{name}` | " in card.text, f"the setting {name} is not in the card"
    assert "## Licences" in card.text
    print(f"{len(card.data.eval_results)} results of {len(cells)} cells")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
