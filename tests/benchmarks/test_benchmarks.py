"""The benchmarks at small sizes: every line is there, and what they compare is equal."""

from functools import partial

import pytest
from PIL import Image

from benchmarks import catalogue, evaluation, extraction, machine, train_step
from command_line.errors import InputError
from datasets import images
from tests.support.shallow import make_shallow


@pytest.fixture
def measure(monkeypatch, capsys):
    """Function of a benchmark, flags and a network's settings -> ({name: value}, all lines)."""

    def run(benchmark, *flags, **tiny):
        small = dict(image_model="mobilenet_v1_025", text_embedding_size=8, **tiny)
        settings = partial(machine.settings, **small)
        monkeypatch.setattr(benchmark, "settings", settings, raising=benchmark is not evaluation)
        benchmark.main(list(flags))
        lines = capsys.readouterr().out.splitlines()
        pairs = (line.split("=") for line in lines if "=" in line)
        return {name: float(value) for name, value in pairs}, lines

    return run


@pytest.fixture
def measure_catalogue(measure):
    pytest.importorskip("waitress")
    flags = ["--vectors=2100", "--centres=5", "--seconds=1", "--rounds=2"]
    tiny = dict(image_size=32, composition="sum", levels="low")

    def run(*more):
        values, lines = measure(catalogue, *flags, *more, **tiny)
        assert values.pop("served_errors") == 0
        return values, lines

    return run


def test_files_are_measured_beside_the_least_it_could_cost(measure_catalogue):
    values, _ = measure_catalogue()
    values.pop("beside_features_mb")
    assert all(value > 0 for value in values.values()) and len(values) == 10


def test_a_database_is_measured_and_a_catalogue_in_it_is_left_alone(measure_catalogue, database):
    values, lines = measure_catalogue(f"--database={database}")
    assert "building the HNSW index over 2,100 vectors" in lines[1] and "recall@10" in lines[3]
    assert all(value > 0 for value in values.values()) and len(values) == 10
    with pytest.raises(InputError, match="made with .*give another"):
        measure_catalogue(f"--database={database}")


def test_ranks_of_an_evaluation_are_as_published_with_cpu_beside_wall_seconds(measure, monkeypatch):
    monkeypatch.setattr(evaluation, "FASHION_IQ", ((40, 30), (50, 20)))
    sizes = ["--queries=80", "--gallery=60", "--dims=32", "--slice=80", "--rounds=1"]
    values, lines = measure(evaluation, *sizes)
    assert values["ranks_as_published_percent"] == 100
    for name in ("seconds", "matmul_seconds", "published_seconds", "fashion_iq_seconds"):
        assert name in values and values[name.replace("seconds", "cpu_seconds")] >= 0
    assert sum(" CPU s)" in line and "bare product" in line for line in lines) == 2


def test_extraction_is_compared_on_equal_features(measure, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    # The catalogue and an export decode by Pillow; for equal features extraction does here too.
    monkeypatch.setitem(images.READ_PIXELS, "tensorflow", images.read_picture)
    tiny = dict(image_size=64, word_embedding_size=6, composition="sum", levels="low")
    flags = ["--image_model=mobilenet_v1", "--images=8", "--batch_size=3"]
    values, lines = measure(extraction, *flags, **tiny)
    assert len(values) == len(lines) == 3 * 3 * 3
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


def test_a_training_step_ends_with_its_ratios(measure, monkeypatch):
    make_shallow(monkeypatch)
    monkeypatch.setattr(train_step, "IMAGES", 4)
    monkeypatch.setattr(machine, "MATRIX", 64)
    tiny = dict(image_size=32, word_embedding_size=6, joint_embedding_size=8, levels="low")
    flags = ["--steps=9", "--image_model=mobilenet_v1", "--batch_size=4"]
    row, lines = measure(train_step, *flags, **tiny, composition="image_only")
    row = {name.removeprefix("mobilenet_v1_"): value for name, value in row.items()}
    assert lines[-1].startswith("mobilenet_v1_ratio_to_bare_step=") and len(row) == 12
    assert 0 < row["cpu_ratio_to_bare_step"] < 1  # input, optimizer and averages cost something
    assert abs(row["ratio_to_bare_step"] - row["pairs_per_s"] / row["bare_pairs_per_s"]) < 0.01
    assert row["share_of_matmul_rate"] == pytest.approx(
        row["gflops"] / row["matmul_gflops"], rel=0.05, abs=0.001
    )
    assert row["seconds"] > 0 and row["page_faults"] >= 0 and row["peak_gib"] > 0
    assert 0 <= row["kernel_share"] <= 1
    turns = [line for line in lines if line.startswith("  update")]
    assert len(turns) == 9 and all(" page faults), bare " in line for line in turns)
