"""An export's example and a catalogue with --model, where TensorFlow can't be imported."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import index_catalogue
import search_catalogue
from catalogue import sources
from catalogue.search import Searcher
from command_line.errors import InputError
from export.folder import read_metadata, write_metadata
from tests.support.shallow import shallow_net
from tests.support.small_catalogue import write_picture
from tests.support.small_run import CAPTIONS

ROOT = Path(__file__).parents[2]
REFUSING = """
import os, runpy, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in ("tensorflow", "keras"):
            raise ModuleNotFoundError("refused", name=name)
sys.meta_path.insert(0, Refuse())
for argv in {commands!r}:
    sys.argv, sys.path[0] = argv, os.path.dirname(os.path.abspath(argv[0]))
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
"""


def run_without_tensorflow(*commands):
    script = REFUSING.format(commands=commands)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


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
    own = tmp_path / "index"
    ask = ["search_catalogue.py", f"--image={query}", "--json=True"]
    code, out, errors = run_without_tensorflow(
        [
            "index_catalogue.py",
            f"--model={exported}",
            f"--image_dir={photos}",
            f"--index_dir={own}",
        ],  # fmt: skip
        [*ask, f"--index_dir={own}", f"--text={text}"],
        [*ask, f"--index_dir={own}"],
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
    of_run = Searcher(own, checkpoint_dir=str(run))
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
