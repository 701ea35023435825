"""export_model.py writes the model whole, or nothing."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import export_model
from checkpointing.run import load_trained_model
from command_line.errors import InputError
from export.encoders import Encoders, largest_difference, sample_inputs
from export.model_files import write_models, write_onnx
from tests.export.conftest import flags_for
from tests.export_parity import LIMIT
from tests.support.small_run import write_run


def test_a_gru_of_both_directions(tmp_path):
    """It becomes a loop. tests/export_parity.py has all there are."""
    write_run(tmp_path, text_model="bi_gru", composition="text_only", levels="high")
    model, config, vocabulary, _ = load_trained_model(tmp_path)
    encoders = Encoders(model, config.image_size)
    run = write_onnx(encoders, tmp_path, ["query"])
    for batch, longest in ((7, 64), (1, 64), (7, 1), (1, 1)):
        given = sample_inputs(config.image_size, len(vocabulary), batch, longest)
        assert largest_difference(run("query", given), encoders.query(**given)["features"]) <= LIMIT


def test_written_whole_or_not_at_all(run, results, tmp_path, monkeypatch):
    def differing(encoders, size, words, kinds, folder):
        (folder / "half.onnx").write_text("half")
        raise InputError("onnx, query: differs")

    monkeypatch.setattr("export.model_files.write_models", differing)
    with pytest.raises(InputError, match="differs"):
        export_model.main(flags_for(run, tmp_path / "new", results))
    assert not list(tmp_path.iterdir())


def test_refusals(run, results, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="there already"):
        export_model.main(flags_for(run, tmp_path, results))
    target = tmp_path / "new"
    write_run(tmp_path / "artemis", composition="artemis")
    with pytest.raises(InputError, match="--checkpoint_dir: this composition ranks pairs"):
        export_model.main(flags_for(tmp_path / "artemis", target, results))
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(InputError, match="ONNX needs tf2onnx: bash scripts/setup.sh --onnx"):
        export_model.main(flags_for(run, target, results, "--format=onnx"))
    assert not target.exists()


def test_a_wrong_export_is_not_written(monkeypatch, tmp_path):
    spec = tf.TensorSpec((None, 8, 8, 3), tf.float32, "images")
    ones = tf.function(lambda images: {"features": tf.ones((tf.shape(images)[0], 2))}, [spec])
    encoders = SimpleNamespace(query=ones, gallery=ones)
    broken = {"onnx": lambda encoders, folder: lambda encoder, inputs: np.full((3, 2), 1.001)}
    monkeypatch.setattr("export.model_files.WRITERS", broken)
    with pytest.raises(InputError, match="onnx, query: differs from the model by 1.0e-03"):
        write_models(encoders, 8, 5, ["onnx"], tmp_path)
