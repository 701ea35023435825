"""The training benchmark on a tiny network: it runs, and its last lines are name=value."""

import pytest

from benchmarks import machine, train_step
from tests.support.shallow import make_shallow


def test_benchmark_ends_with_its_ratios(monkeypatch, capsys):
    make_shallow(monkeypatch)
    tiny = {"image_model": "mobilenet_v1_025", "image_size": 32, "word_embedding_size": 6,
            "text_embedding_size": 8, "joint_embedding_size": 8, "composition": "image_only",
            "levels": "low"}  # fmt: skip
    monkeypatch.setattr(
        train_step, "settings", lambda name, **more: machine.settings(name, **more, **tiny)
    )
    monkeypatch.setattr(train_step, "IMAGES", 4)
    monkeypatch.setattr(machine, "MATRIX", 64)
    train_step.main(["--steps=9", "--image_model=mobilenet_v1", "--batch_size=4"])
    lines = capsys.readouterr().out.splitlines()
    row = {name.removeprefix("mobilenet_v1_"): float(value)
           for name, value in (line.split("=") for line in lines if "=" in line)}  # fmt: skip
    assert lines[-1].startswith("mobilenet_v1_ratio_to_bare_step=") and len(row) == 12
    assert 0 < row["cpu_ratio_to_bare_step"] < 1  # input, optimizer and averages cost something
    assert abs(row["ratio_to_bare_step"] - row["pairs_per_s"] / row["bare_pairs_per_s"]) < 0.01
    assert row["share_of_matmul_rate"] == pytest.approx(
        row["gflops"] / row["matmul_gflops"], rel=0.05, abs=0.001
    )
    assert row["seconds"] > 0 and row["page_faults"] >= 0 and row["peak_gib"] > 0
    assert 0 <= row["kernel_share"] <= 1
    turns = [line for line in lines if line.startswith("  update")]
    assert len(turns) == 9 and all(" page faults), bare " in line for line in turns)
