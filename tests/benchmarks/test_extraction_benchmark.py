"""The extraction benchmark on a tiny network: the same features both ways, and its last lines."""

import pytest
from PIL import Image

from benchmarks import extraction, machine
from config import make_config


def tiny(image_model):
    return make_config(
        image_model="mobilenet_v1_025", image_size=64, word_embedding_size=6,
        text_embedding_size=8, joint_embedding_size=8, batch_norm_decay=0.0,
    )  # fmt: skip


def test_benchmark_compares_equal_features(monkeypatch, capsys):
    monkeypatch.setattr(extraction, "settings", tiny)
    monkeypatch.setattr(machine, "MATRIX", 64)
    speeds = {"queries": 10.0, "gallery": 1e-3}
    monkeypatch.setattr(extraction, "PUBLISHED", {"mobilenet_v1_025": speeds})
    extraction.main(["--image_model=mobilenet_v1_025", "--images=8", "--batch_size=3", "--share=1"])
    lines = capsys.readouterr().out.splitlines()
    values = {name: float(value) for name, value in (li.split("=") for li in lines if "=" in li)}
    assert values["largest_difference"] < 1e-4  # rounding of the pixels grows in few channels
    sides = [f"mobilenet_v1_025_{side}" for side in ("gallery", "queries", "data_set")]
    for name in ("images_per_s", "ratio_to_one_at_a_time", "ratio_to_published"):
        assert all(values[f"{side}_{name}"] > 0 for side in sides)
    assert values["ratio_to_published"] == values[f"{sides[-1]}_ratio_to_published"]
    assert values["mobilenet_v1_025_gallery_ratio_to_published"] > 1000  # published: 0.001 a second


def test_photographs_have_the_size_of_real_ones(tmp_path):
    paths = machine.draw_photographs(tmp_path, 3)
    assert [path.read_bytes()[:3] for path in paths] == [b"\xff\xd8\xff"] * 3
    for path in paths:
        with Image.open(path) as image:
            assert image.size == pytest.approx((400, 500), abs=40)
        assert 20_000 < path.stat().st_size < 100_000
