"""The choice of a learning rate."""

from types import SimpleNamespace

from comparison import harness


def test_of_equal_rates_by_r10_the_one_with_the_best_r1_is_taken(monkeypatch):
    found = {"3e-4": [100.0, 20.0], "1e-3": [100.0, 30.0], "3e-3": [99.0, 40.0]}
    monkeypatch.setattr(harness, "recalls", lambda job: found[job.run.rate])
    tries = [SimpleNamespace(run=SimpleNamespace(rate=rate)) for rate in found]
    rate, tuning = harness.choose_rate(None, tries, [])
    assert rate == "1e-3" and tuning == {"3e-4": 100, "1e-3": 100, "3e-3": 99}
