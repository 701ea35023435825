"""The catalogue benchmark at a small size: every line is there, and the server makes no error."""

import dataclasses

import pytest

from benchmarks import catalogue

pytest.importorskip("waitress")


def test_benchmark_prints_its_ratios(monkeypatch, capsys):
    large = catalogue.settings
    monkeypatch.setattr(
        catalogue, "settings",
        lambda name: dataclasses.replace(
            large(name), image_model="mobilenet_v1_025", image_size=64, text_embedding_size=8
        ),
    )  # fmt: skip
    monkeypatch.setattr(catalogue, "UNCHANGED", 100)
    catalogue.main(["--vectors=2000", "--seconds=1", "--photographs=40", "--rounds=2"])
    lines = capsys.readouterr().out.splitlines()
    values = {name: float(value) for name, value in (li.split("=") for li in lines if "=" in li)}
    assert values.pop("served_errors") == 0
    values.pop("beside_features_mb")
    assert all(value > 0 for value in values.values()) and len(values) == 12
