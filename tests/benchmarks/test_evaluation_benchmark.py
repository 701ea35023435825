"""The evaluation benchmark on few rows: the same ranks both ways, and CPU beside wall seconds."""

from benchmarks import evaluation


def test_benchmark_says_cpu_seconds_beside_wall_seconds(monkeypatch, capsys):
    monkeypatch.setattr(evaluation, "FASHION_IQ", ((40, 30), (50, 20)))
    evaluation.main(["--queries=80", "--gallery=60", "--dims=32", "--slice=80", "--rounds=1"])
    lines = capsys.readouterr().out.splitlines()
    values = {name: float(value) for name, value in (li.split("=") for li in lines if "=" in li)}
    assert values["ranks_as_published_percent"] == 100
    for name in ("seconds", "matmul_seconds", "published_seconds", "fashion_iq_seconds"):
        assert name in values and values[name.replace("seconds", "cpu_seconds")] >= 0
    assert sum(" CPU s)" in line and "bare product" in line for line in lines) == 2
