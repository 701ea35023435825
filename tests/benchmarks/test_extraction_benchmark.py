"""The extraction benchmark on a tiny network: the same features every way, and its last lines."""

import pytest
from PIL import Image

from benchmarks import extraction, machine
from datasets import images


def test_benchmark_compares_equal_features(monkeypatch, capsys):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    tiny = {"image_model": "mobilenet_v1_025", "image_size": 64, "word_embedding_size": 6,
            "text_embedding_size": 8, "composition": "sum", "levels": "low"}  # fmt: skip
    monkeypatch.setattr(
        extraction, "settings", lambda name, **more: machine.settings(name, **more, **tiny)
    )
    # The catalogue and an export decode by Pillow; for equal features extraction does here too.
    monkeypatch.setitem(images.READ_PIXELS, "tensorflow", images.read_picture)
    extraction.main(["--image_model=mobilenet_v1", "--images=8", "--batch_size=3"])
    lines = capsys.readouterr().out.splitlines()
    values = {name: float(value) for name, value in (line.split("=") for line in lines)}
    assert len(values) == 3 * 3 * 3
    for name, value in values.items():
        # rounding of the pixels grows in few channels
        assert value < 1e-4 if name.endswith("_difference") else value > 0, (name, value)
    assert values["mobilenet_v1_data_set_exported_per_s"] > 0


def test_photographs_have_the_size_of_real_ones(tmp_path):
    paths = machine.draw_photographs(tmp_path, 3)
    assert [path.read_bytes()[:3] for path in paths] == [b"\xff\xd8\xff"] * 3
    for path in paths:
        with Image.open(path) as image:
            assert image.size == pytest.approx((400, 500), abs=40)
        assert 20_000 < path.stat().st_size < 100_000
