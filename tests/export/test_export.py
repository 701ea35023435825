"""What export_model.py writes is the model, whole, and refused when it is not."""

import hashlib
import json
import re
import shutil
import sys

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

import export_model
from catalogue.exported import ExportedEncoding
from checkpointing.run import load_trained_model
from command_line.errors import InputError
from export.card import source
from export.encoders import Encoders, largest_difference, sample_inputs
from export.folder import read_metadata
from export.model_files import write_onnx
from tests.export_parity import LIMIT, compare, extracted
from tests.support.shallow import shallow_net
from tests.support.small_run import write_run


def onnx_runner(folder):
    sessions = {t: onnxruntime.InferenceSession(folder / f"{t}.onnx") for t in ("query", "gallery")}
    return lambda encoder, inputs: sessions[encoder].run(["features"], inputs)[0]


def saved_model_runner(folder):
    encoders = tf.saved_model.load(str(folder / "saved_model")).signatures

    def run(encoder, inputs):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return encoders[encoder](**tensors)["features"].numpy()

    return run


@pytest.fixture(scope="module")
def asked(run, tmp_path_factory):
    with shallow_net():
        model, config, vocabulary, _ = load_trained_model(run)
    folder = tmp_path_factory.mktemp("pictures")
    return config, *extracted(model, config, folder, len(vocabulary))


@pytest.mark.parametrize("runner", [onnx_runner, saved_model_runner])
def test_features_are_extractions(exported, asked, runner):
    """In batches of 7 and 1, captions of 1 to 64 words, from JPEG files on."""
    assert compare(runner(exported), *asked) <= LIMIT


@pytest.mark.parametrize("runner", [onnx_runner, saved_model_runner])
def test_no_rows_and_no_words(exported, runner):
    run = runner(exported)
    given = sample_inputs(64, 5, batch=2, longest=3)
    nothing = {name: value[:0] for name, value in given.items()}
    for encoder, asked in (("query", nothing), ("gallery", {"images": nothing["images"]})):
        assert run(encoder, asked).shape == (0, 128 + 256)
    given["lengths"][:] = 0
    unknown = {**given, "tokens": np.ones((2, 1), np.int32), "lengths": np.ones(2, np.int32)}
    expected = run("query", unknown)  # as a caption without words is extracted
    for tokens in (given["tokens"], given["tokens"][:, :0]):
        got = run("query", {**given, "tokens": tokens})
        assert largest_difference(got, expected) <= LIMIT


def test_a_gru_of_both_directions(tmp_path):
    """It becomes a loop. tests/export_parity.py has all there are."""
    write_run(tmp_path, text_model="bi_gru", composition="text_only", levels="high")
    model, config, vocabulary, _ = load_trained_model(tmp_path)
    encoders = Encoders(model, config.image_size)
    run = write_onnx(encoders, tmp_path, ["query"])
    for batch, longest in ((7, 64), (1, 64), (7, 1), (1, 1)):
        given = sample_inputs(config.image_size, len(vocabulary), batch, longest)
        assert largest_difference(run("query", given), encoders.query(**given)["features"]) <= LIMIT


def test_another_model_is_not_the_same(exported, asked, tmp_path):
    """The comparison can fail."""
    config, paths, captions, queries, gallery = asked
    assert compare(onnx_runner(exported), config, paths, captions, queries[::-1], gallery) > 0.01
    assert compare(onnx_runner(exported), config, paths, captions, queries, gallery[::-1]) > 0.01


def test_signatures(exported):
    session = onnxruntime.InferenceSession(exported / "query.onnx")
    inputs = {put.name: (put.type, put.shape) for put in session.get_inputs()}
    assert inputs["images"][0] == "tensor(float)" and inputs["images"][1][1:] == [64, 64, 3]
    assert inputs["tokens"][0] == inputs["lengths"][0] == "tensor(int32)"
    free = [inputs["images"][1][0], *inputs["tokens"][1], *inputs["lengths"][1]]
    assert not any(isinstance(size, int) for size in free)
    session = onnxruntime.InferenceSession(exported / "gallery.onnx")
    assert [put.name for put in session.get_inputs()] == ["images"]


def test_description(exported, run):
    about = read_metadata(exported)
    assert about["images"]["size"] == 64 and about["images"]["half_pixel_centres"]
    assert about["levels"] == {"mid": 128, "high": 256}
    assert about["tokens"]["longest"] == 64 and about["checkpoint"]["step"] == 7
    assert [score["R@1"] for score in about["scores"]] == [12.3]  # the last one of the checkpoint
    assert set(about["differences"]) == {
        "saved_model.query", "saved_model.gallery", "onnx.query", "onnx.gallery",
    }  # fmt: skip
    shas = about["checkpoint"]["sha256"]
    index = (run / "model.ckpt-7.index").read_bytes()
    assert shas["model.ckpt-7.index"] == hashlib.sha256(index).hexdigest() and len(shas) == 2
    assert (exported / "vocabulary.txt").read_bytes() == (run / "vocab.txt").read_bytes()


def test_card(exported):
    text = (exported / "MODEL_CARD.md").read_text()
    head, body = text.removeprefix("---\n").split("\n---\n", 1)
    assert re.fullmatch(r"((\w+: [\w-]+|\w+:|- [\w-]+)\n?)+", head)
    for key in ("library_name", "license", "tags", "datasets", "metrics"):
        assert f"{key}:" in head
    assert "| all | val, reference removed | 12.30 [11.0, 13.0] | 30.00 [29.0, 31.0] |" in body
    assert "| 90 of 100 | 1,234 of 1,235 | 7 |" in body
    assert '| `text_model` | `"lstm"` |' in body and "{" not in body
    sha = hashlib.sha256((exported / "query.onnx").read_bytes()).hexdigest()
    assert f"    {sha}  query.onnx" in body


def test_card_says_whether_the_data_were_drawn(exported, tmp_path):
    config = {**read_metadata(exported)["config"], "data_path": str(tmp_path)}
    assert source(config).startswith("captions: ") and "drawn" not in source(config)
    (tmp_path / "demo_data.json").touch()
    assert source(config).startswith("drawn garments")
    gone = source({**config, "data_path": "gone"})
    assert gone.startswith("captions: ") and "or drawn garments: which it was is not known" in gone


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def of_another(path):
    path.write_bytes(path.with_name("gallery.onnx").read_bytes())


def edit(path):
    path.write_text(path.read_text().replace('"size": 64', '"size": 65'))


def another_format(path):
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))


@pytest.mark.parametrize(
    "name, change, reason",
    [
        ("query.onnx", damage, "query.onnx: damaged, or of another export"),
        ("query.onnx", of_another, "query.onnx: damaged, or of another export"),
        ("gallery.onnx", lambda path: path.unlink(), "gallery.onnx: No such file"),
        ("vocabulary.txt", damage, "vocabulary.txt: damaged"),
        ("export.json", edit, "export.json: changed since it was exported"),
        ("export.json", another_format, "export.json: format 2, this code reads 1"),
        ("export.json", lambda path: path.unlink(), "no export.json in it"),
        ("export.json", lambda path: path.write_text("{"), "export.json:1:2: not JSON"),
    ],
)
def test_a_damaged_or_foreign_export_is_refused_by_name(exported, tmp_path, name, change, reason):
    ours = [exported / n for n in ("export.json", "vocabulary.txt", "query.onnx", "gallery.onnx")]
    for path in ours:
        shutil.copy(path, tmp_path)
    ExportedEncoding(tmp_path)
    change(tmp_path / name)
    with pytest.raises(InputError, match=re.escape(reason)):
        ExportedEncoding(tmp_path)


def flags_for(run, target, results, *more):
    return [f"--checkpoint_dir={run}", f"--export_dir={target}", f"--results_dir={results}", *more]


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
    from export import model_files

    class Encoders:
        """Their functions give zeros and ones."""

        def __init__(self):
            spec = tf.TensorSpec((None, 8, 8, 3), tf.float32, "images")
            ones = tf.function(
                lambda images: {"features": tf.ones((tf.shape(images)[0], 2))}, [spec]
            )
            self.query = self.gallery = ones

    broken = {"onnx": lambda encoders, folder: lambda encoder, inputs: np.full((3, 2), 1.001)}
    monkeypatch.setattr(model_files, "WRITERS", broken)
    with pytest.raises(InputError, match="onnx, query: differs from the model by 1.0e-03"):
        model_files.write_models(Encoders(), 8, 5, ["onnx"], tmp_path)
