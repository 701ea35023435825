"""The choice of a learning rate, what is said of it, and the curves."""

from types import SimpleNamespace

from comparison import harness
from comparison.plan import Row
from comparison.plot import recall_over_updates
from comparison.report import tuning


def test_of_equal_rates_by_r10_the_one_with_the_best_r1_is_taken(monkeypatch):
    found = {"3e-4": [100.0, 20.0], "1e-3": [100.0, 30.0], "3e-3": [99.0, 40.0]}
    monkeypatch.setattr(harness, "recalls", lambda job: found[job.run.rate])
    tries = [SimpleNamespace(run=SimpleNamespace(rate=rate)) for rate in found]
    rate, tuning = harness.choose_rate(None, tries, [])
    assert rate == "1e-3" and tuning == {"3e-4": 100, "1e-3": 100, "3e-3": 99}


def test_the_report_has_what_each_rate_reached_and_names_what_failed():
    comparison = SimpleNamespace(rates=["1e-3", "3e-3"])
    val, tirg = Row("val", (("levels", "high"),), "triplet"), Row("tirg", (), "softmax")
    rates = {val: ("3e-3", {"1e-3": 70.0, "3e-3": 92.5}), tirg: ("1e-3", {"1e-3": 80.25})}
    assert tuning(comparison, SimpleNamespace(rates=rates))[2:] == [
        "| val levels=high | triplet | 70.00 | 92.50 |",
        "| tirg | softmax | 80.25 | failed |",
        "",
    ]
    assert tuning(SimpleNamespace(rates=["1e-3"]), None) == []


def test_curves_are_means_over_the_seeds_that_were_watched_alike(tmp_path):
    logs = {"a": "step,R@10\n2,10\n4,30\n", "b": "step,R@10\n2,20\n4,50\n", "c": "step,R@10\n"}
    runs = [SimpleNamespace(folder=tmp_path / name) for name in [*logs, "unwatched"]]
    for name, text in logs.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "eval_log.csv").write_text(text)
    steps, recalls = recall_over_updates(runs)
    assert steps == [2, 4] and recalls.tolist() == [15, 40]
    assert recall_over_updates(runs[3:]) == ([], [])
