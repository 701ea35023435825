"""The training benchmark on a tiny network: it runs, and its last lines are name=value."""

import types

from benchmarks import machine, train_step
from config import make_config


def test_benchmark_ends_with_its_ratios(monkeypatch, capsys):
    tiny = make_config(
        image_model="mobilenet_v1_025", image_size=32, batch_size=4, word_embedding_size=6,
        text_embedding_size=8, joint_embedding_size=8, composition="image_only",
    )  # fmt: skip
    monkeypatch.setattr(train_step, "settings", lambda *arguments: tiny)
    monkeypatch.setattr(train_step, "PUBLISHED", {"mobilenet_v1_025": (1.0, 4)})
    monkeypatch.setattr(train_step, "IMAGES", 4)
    monkeypatch.setattr(machine, "MATRIX", 64)
    train_step.main(["--steps=2"])
    lines = capsys.readouterr().out.splitlines()
    values = {name: float(value) for name, value in (li.split("=") for li in lines if "=" in li)}
    assert lines[-1].startswith("ratio_to_bare_step=")
    for prefix in ("", "mobilenet_v1_025_"):
        row = types.SimpleNamespace(
            **{name: values[prefix + name] for name in train_step.Measured._fields}
        )
        assert row.share_of_matmul_rate > 0
        assert 0 < row.cpu_ratio_to_bare_step < 1  # input, optimizer and averages cost something
        assert abs(row.ratio_to_bare_step - row.pairs_per_s / row.bare_pairs_per_s) < 0.01
        expected = row.pairs_per_s * machine.PUBLISHED_GFLOPS / row.matmul_gflops
        assert abs(row.cross_check_published / expected - 1) < 0.01 and expected > 0
        assert row.page_faults >= 0 and 0 <= row.kernel_share <= 1
    turns = [line for line in lines if line.startswith("  update")]
    assert len(turns) == 2 and all(" page faults), bare " in line for line in turns)
    assert len(turns[0].rsplit("matrix product ", 1)[1].split(", ")) == 3
