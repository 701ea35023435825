"""The catalogue benchmark at a small size: every line is there, and the server makes no error; a
database that holds a catalogue is left alone."""

import pytest

from benchmarks import catalogue, machine
from command_line.errors import InputError

SMALL = ["--vectors=2100", "--centres=5", "--seconds=1", "--rounds=2"]


@pytest.fixture
def values_of(monkeypatch, capsys):
    """Function of more flags -> ({name: value}, the lines before)."""
    pytest.importorskip("waitress")
    tiny = {"image_model": "mobilenet_v1_025", "image_size": 32, "text_embedding_size": 8,
            "composition": "sum", "levels": "low"}  # fmt: skip
    monkeypatch.setattr(
        catalogue, "settings", lambda name, **more: machine.settings(name, **more, **tiny)
    )

    def run(*more):
        catalogue.main([*SMALL, *more])
        lines = capsys.readouterr().out.splitlines()
        values = dict(line.split("=") for line in lines if "=" in line)
        return {name: float(value) for name, value in values.items()}, lines

    return run


def test_files_are_measured_beside_the_least_it_could_cost(values_of):
    values, _ = values_of()
    assert values.pop("served_errors") == 0
    values.pop("beside_features_mb")
    assert all(value > 0 for value in values.values()) and len(values) == 10


def test_a_database_is_measured_and_a_catalogue_in_it_is_left_alone(values_of, database):
    values, lines = values_of(f"--database={database}")
    assert "building the HNSW index over 2,100 vectors" in lines[1] and "recall@10" in lines[3]
    assert values.pop("served_errors") == 0
    assert all(value > 0 for value in values.values()) and len(values) == 10
    with pytest.raises(InputError, match="made with .*give another"):
        values_of(f"--database={database}")
