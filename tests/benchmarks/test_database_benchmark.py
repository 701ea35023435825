"""The whole benchmark at a size that takes seconds, and a database that is not empty."""

import pytest

pytest.importorskip("psycopg")

from benchmarks import database as benchmark  # noqa: E402 - after the skip
from command_line.errors import InputError  # noqa: E402


def test_every_value_is_measured_and_a_catalogue_is_left_alone(database, capsys):
    flags = [f"--database={database}", "--vectors=2100", "--dims=8", "--centres=5"]
    benchmark.main(flags)
    lines = capsys.readouterr().out.splitlines()
    assert "building the HNSW index over 2,100 vectors" in lines[0] and "recall@10" in lines[-6]
    values = {name: float(value) for name, value in (line.split("=") for line in lines[-5:])}
    assert len(values) == 5 and all(value > 0 for value in values.values())
    with pytest.raises(InputError, match="holds a catalogue; give an empty database"):
        benchmark.main(flags)
