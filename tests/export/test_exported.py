"""What an export holds, is refused for, and does where TensorFlow can't be imported."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

import index_catalogue
import search_catalogue
from catalogue import sources
from catalogue.exported import ExportedEncoding
from catalogue.search import Searcher
from checkpointing.run import load_trained_model
from command_line.errors import InputError
from export.card import source
from export.encoders import largest_difference, sample_inputs
from export.folder import read_metadata, write_metadata
from tests.export_parity import LIMIT, compare, extracted
from tests.support.shallow import shallow_net
from tests.support.small_catalogue import write_picture
from tests.support.small_run import CAPTIONS
from tests.support.without_tensorflow import run_without_tensorflow


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


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for seed, suffix in enumerate(("jpg", "png", "webp", "gif", "bmp", "jpeg", "jpg", "png")):
        write_picture(folder / f"{seed}.{suffix}", seed, (40 + 7 * seed, 60 - 2 * seed))
    (folder / "cut.jpe").write_bytes((folder / "0.jpg").read_bytes()[:500])
    return folder


@pytest.fixture(scope="module")
def indexed(run, photos, tmp_path_factory):
    """An index made by the run."""
    folder = tmp_path_factory.mktemp("index")
    flags = [f"--checkpoint_dir={run}", f"--image_dir={photos}", f"--index_dir={folder}"]
    with shallow_net():
        index_catalogue.main(flags)
    return folder


def assert_same_answer(answer, expected):
    names = [result["name"] for result in answer["results"]]
    assert names == [result.name for result in expected.results] and len(names) > 5
    distances = [result["distance"] for result in answer["results"]]
    np.testing.assert_allclose(distances, [r.distance for r in expected.results], rtol=1e-5)


def test_same_answers(run, exported, photos, indexed, tmp_path):
    query, text = photos / "0.jpg", CAPTIONS[0]
    own = f"--index_dir={tmp_path / 'index'}"
    ask = ["search_catalogue.py", f"--image={query}", "--json=True"]
    code, out, errors = run_without_tensorflow(
        ["index_catalogue.py", f"--model={exported}", f"--image_dir={photos}", own],
        [*ask, own, f"--text={text}"],
        [*ask, own],
        [*ask, f"--index_dir={indexed}", f"--model={exported}", f"--text={text}"],
        [str(exported / "example.py"), str(query), text, str(photos)],
    )
    assert code == 0, errors
    broken, summary, *answers = out.splitlines()
    assert broken == "broken: cut.jpe: truncated or corrupt" and "8 images" in summary
    searcher = Searcher(indexed)
    expected = searcher.find(query, text)
    assert_same_answer(json.loads(answers[0]), expected)
    assert_same_answer(json.loads(answers[1]), searcher.find(query))
    assert_same_answer(json.loads(answers[2]), expected)
    of_run = Searcher(tmp_path / "index", checkpoint_dir=str(run))
    assert_same_answer(json.loads(answers[0]), of_run.find(query, text))
    ranked = [(Path(path).name, float(distance)) for distance, path in map(str.split, answers[3:])]
    assert "cut.jpe: Truncated" in errors and "left out: 1 of 9 files, of which 0 do" in errors
    expected = searcher.find(query, text, keep_query=True).results
    near = [(r.name, r.distance) for r in expected]
    assert [name for name, _ in ranked] == [name for name, _ in near] and len(near) == 8
    np.testing.assert_allclose([d for _, d in ranked], [d for _, d in near], atol=6e-5)


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ([], 'python example.py QUERY.jpg "is red with longer sleeves" FOLDER'),
        (["{photos}/cut.jpe", "red", "{photos}"], "not a readable picture: {photos}/cut.jpe: Trun"),
        (["{photos}/0.jpg", "red", "{empty}"], "{empty}: no readable picture in it"),
    ],
)
def test_the_example_refuses_by_name(exported, photos, tmp_path, arguments, reason):
    named = {"photos": photos, "empty": tmp_path}
    command = [str(exported / "example.py"), *(a.format(**named) for a in arguments)]
    code, _, errors = run_without_tensorflow(command)
    assert code == 1 and reason.format(**named) in errors and "example.py:" not in errors


def test_a_catalogue_of_the_run_says_what_it_needs(exported, indexed, monkeypatch):
    monkeypatch.setattr(sources, "OF_RUN", ("tensorflow", "no-such-package"))
    with pytest.raises(InputError, match="needs no-such-package: bash scripts/setup.sh"):
        Searcher(indexed)
    Searcher(indexed, model=str(exported))


def test_another_export_is_refused(indexed, exported, tmp_path):
    about = read_metadata(exported)
    about["fingerprint"]["weights"] = "other"
    write_metadata(tmp_path, about)
    with pytest.raises(InputError, match=f"not with {tmp_path} .other weights"):
        Searcher(indexed, model=str(tmp_path))


def test_flags(photos, tmp_path, run, exported):
    flags = [f"--image_dir={photos}", f"--index_dir={tmp_path}"]
    both = [f"--checkpoint_dir={run}", f"--model={exported}"]
    for model in ([], both):
        with pytest.raises(InputError, match="--checkpoint_dir= or --model=, one of them"):
            index_catalogue.main([*flags, *model])
    with pytest.raises(InputError, match="not both"):
        search_catalogue.main([f"--index_dir={tmp_path}", "--image=a.jpg", *both])
