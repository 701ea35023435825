"""The turns of onnxruntime's and TensorFlow's functions."""

import time

import pytest

from benchmarks import exported


def test_turns_alternate_and_rates_are_of_single_items(monkeypatch):
    monkeypatch.setattr(exported, "LEAST", 0)
    calls = []

    def function(name, seconds):
        def run(given):
            calls.append(name)
            time.sleep(seconds)

        return run

    quick, slow = exported.measure([function("q", 0.01), function("s", 0.05)], None, 4, turns=3)
    assert "".join(calls) == "qqss" + 3 * "qs"  # each warm and timed once, then in turn
    assert slow[0] == pytest.approx(4 / 0.05, rel=0.5) and quick[0] > 2 * slow[0]
    assert 0 <= slow[1] < 5  # CPU ms an item: sleeping costs none
