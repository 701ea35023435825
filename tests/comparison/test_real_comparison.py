"""One real comparison, small: training, extraction, scoring, speed, table."""

import csv
import json
import subprocess
from pathlib import Path

from demo.generate_demo_data import generate
from tests.test_run_scripts import copy  # noqa: F401


def test_a_comparison_from_flags_to_table(copy, tmp_path):  # noqa: F811
    """ARTEMIS at one level: its own loss and ranking too; in another folder than the project's."""
    generate(tmp_path / "data/demo", "shoes", triplets=20)
    command = [copy / ".venv/bin/python", copy / "compare.py", "--dataset=shoes",
               "--seeds=0", "--rates=1e-3",
               "--compositions=artemis:levels=high", "--pretrain_checkpoint_dir=",
               "--image_size=32", "--batch_size=8", "--train_length=2", "--eval_length=0"
               ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "artemis levels=high, triplet, rate 1e-3, seed 0: R@10 " in done.stdout
    with (tmp_path / "results/comparison_shoes.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    entries = tmp_path / "save_model/compare/shoes/results.jsonl"
    (entry,) = map(json.loads, entries.read_text().splitlines())
    assert [float(row[f"R@{k}"]) for k in (1, 10)] == [entry["R@1"], entry["R@10"]]
    text = (tmp_path / "results/comparison_shoes.md").read_text()
    sizes = [f"{int(row[name]) / 1e6:.2f}" for name in ("parameters", "composer_parameters")]
    assert ", ".join(sizes) in text
    assert "| artemis levels=high | triplet | " in text  # its speed
    assert (tmp_path / "results/comparison_shoes.png").stat().st_size > 10_000
    run = json.loads((Path(tmp_path, row["folder"], "config.json")).read_text())
    assert run["levels"] == "high" and run["init_learning_rate"] == 1e-3
