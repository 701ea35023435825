"""Answers of a real index and a tiny model, against a plain float64 loop over its files."""

import copy
import difflib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import search_catalogue
from catalogue import search
from catalogue.answers import notes
from catalogue.search import Late, Searcher, unknown_words
from command_line.errors import InputError
from tests.catalogue.conftest import warm_searcher
from tests.support.small_catalogue import index_of, vectors, write_picture
from tests.support.small_run import CAPTIONS, write_run


@pytest.fixture(scope="module")
def shop(tmp_path_factory, run, encoding):
    """(index folder, photos): 60 pictures in two folders, a copy, a near copy."""
    root = tmp_path_factory.mktemp("shop")
    for seed in range(60):
        write_picture(root / "photos" / ("tops" if seed % 3 else "dresses") / f"{seed}.png", seed)
    shutil.copy(root / "photos/tops/1.png", root / "photos/dresses/copy of 1.png")
    with Image.open(root / "photos/tops/2.png") as image:
        pixels = np.asarray(image).copy()
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(root / "photos/tops/nearly 2.png")
    index_of(root / "index", root / "photos", run, lambda path: encoding.files, block_rows=31)
    return root / "index", root / "photos"


@pytest.fixture(scope="module")
def searcher(shop):
    searcher = warm_searcher(shop[0])
    searcher.traces = traces(searcher)
    return searcher


def traces(searcher):
    """How often the functions of a query were compiled."""
    encoder = searcher._encoding._encoder
    functions = (encoder._one, encoder._pool, encoder._text, encoder._compose)
    return [function.experimental_get_tracing_count() for function in functions]


@pytest.fixture
def picture(shop):
    """One of the catalogue."""
    return shop[1] / "tops/4.png"


@pytest.fixture(scope="module")
def files(shop):
    """{name: vector}, read from the blocks one by one."""
    return vectors(shop[0])


def loop(query, files):
    """[(name, squared L2)] by the definition, nearest first, ties by name."""
    wide = query.astype(np.float64)
    pairs = [(float(np.sum((v.astype(np.float64) - wide) ** 2)), n) for n, v in files.items()]
    return [(name, distance) for distance, name in sorted(pairs)]


def test_answers_are_those_of_a_plain_loop(tmp_path, files, searcher):
    rng = np.random.default_rng(0)
    for number in range(20):
        path = write_picture(tmp_path / "asked.jpg", 1000 + number)
        text = CAPTIONS[number % 4] if number % 5 else ""
        answer = searcher.find(path, text, top=7, skip=int(rng.integers(0, 20)))
        everything = searcher.find(path, text, top=1000)
        query = searcher._encoding.query(path.read_bytes(), text)
        expected = loop(query, files)
        assert [(r.name, r.distance) for r in everything.results] == expected
        assert answer.results[0] in everything.results and len(answer.results) == 7
        assert answer.more and not everything.more


def test_200_random_queries_have_the_names_of_a_plain_loop(files, searcher):
    rng = np.random.default_rng(0)
    base = searcher.index.vectors(searcher.index._numbers)
    for _ in range(200):
        query = rng.permutation(base)[0] + 0.05 * rng.standard_normal(base.shape[1])
        query = query.astype(np.float32)
        found = searcher.index.nearest(query, 10)
        assert [(f.name, f.distance) for f in found] == loop(query, files)[:10]


def test_the_query_itself_and_its_copies_are_left_out(shop, searcher):
    path = shop[1] / "tops/1.png"
    answer = searcher.find(path, top=100)
    names = [result.name for result in answer.results]
    assert sorted(answer.left_out) == ["dresses/copy of 1.png", "tops/1.png"]
    assert len(names) == 60 and not set(answer.left_out) & set(names)
    kept = searcher.find(path, top=2, keep_query=True)
    assert [result.name for result in kept.results] == ["dresses/copy of 1.png", "tops/1.png"]
    assert all(result.distance < 1e-9 for result in kept.results)


def test_filters(picture, searcher):
    everything = searcher.find(picture, CAPTIONS[1], top=100).results
    dresses = [r for r in everything if r.name.startswith("dresses/")]
    assert searcher.find(picture, CAPTIONS[1], top=100, within="dresses").results == dresses
    assert searcher.find(picture, CAPTIONS[1], top=3, within="./dresses/").results == dresses[:3]
    assert [search.folder(name) for name in ("", ".", "./a/", " a /b")] == ["", "", "a/", " a /b/"]
    for within, near in (("dres", "'dresses/'"), ("Dresses/", "'dresses/'"), ("xyz", "catalogue$")):
        with pytest.raises(InputError, match=f"no folder '{within.strip('/')}/' in .*{near}"):
            searcher.find(picture, CAPTIONS[1], within=within)
    bound = everything[9].distance
    near = searcher.find(picture, CAPTIONS[1], top=100, largest_distance=bound)
    assert near.results == [r for r in everything if r.distance <= bound] and not near.more


def test_copies_are_folded_into_the_nearest(picture, searcher, files, monkeypatch):
    near = np.sum((files["tops/2.png"] - files["tops/nearly 2.png"]) ** 2)
    others = [vector for name, vector in files.items() if not name.endswith("2.png")]
    other = min(np.sum((files["tops/2.png"] - vector) ** 2) for vector in others)
    assert 0 < 2 * near < other
    monkeypatch.setattr(search, "COPY_DISTANCE", 2 * near)
    shown = searcher.find(picture, top=100)
    folded = searcher.find(picture, top=100, hide_copies=True)
    copies = [{r.name, *r.copies} for r in folded.results if r.copies]
    assert {"dresses/copy of 1.png", "tops/1.png"} in copies
    assert {"tops/2.png", "tops/nearly 2.png"} in copies
    names = [name for result in folded.results for name in (result.name, *result.copies)]
    assert sorted(names) == sorted(result.name for result in shown.results)
    few = [searcher.find(picture, top=5, skip=skip, hide_copies=True) for skip in range(0, 60, 5)]
    paged = [result for answer in few for result in answer.results]
    assert [r.number for r in paged] == [r.number for r in folded.results]


def test_copies_are_looked_for_among_so_many_and_it_is_said(picture, searcher, monkeypatch):
    monkeypatch.setattr(search, "COPY_DISTANCE", 1e9)  # all are copies
    monkeypatch.setattr(search, "FOLDED", 20)
    asked, nearest = [], searcher.index.nearest

    def spy(query, count, *where):
        asked.append(count)
        return nearest(query, count, *where)

    monkeypatch.setattr(searcher.index, "nearest", spy)
    answer = searcher.find(picture, top=5, hide_copies=True)
    assert asked == [6, 12, 20] and answer.cut and not answer.more
    assert len(answer.results) == 1 and len(answer.results[0].copies) == 19
    assert any("may be others" in line for line in notes(answer))


def test_a_search_can_be_ended(picture, searcher):
    with pytest.raises(Late):
        searcher.find(picture, seconds=0.0)


def test_a_search_keeps_to_the_index_that_it_began_with(picture, searcher):
    refreshed, encoding = copy.copy(searcher), copy.copy(searcher._encoding)
    refreshed._encoding = encoding

    def query(*asked):
        refreshed.index = None
        return searcher._encoding.query(*asked)

    encoding.query = query
    assert refreshed.find(picture).results == searcher.find(picture).results


def test_after_warming_up_no_sentence_compiles_anything(picture, searcher):
    for text in ("", "dress", CAPTIONS[0]):
        searcher.find(picture, text)
    assert traces(searcher) == searcher.traces


def test_words_that_do_not_count_are_named(picture, searcher):
    text = " ".join(64 * ["red"])
    answer = searcher.find(picture, f"{text} longer xyzzy")
    assert answer.beyond == ["longer", "xyzzy"] and answer.unknown == {}
    assert answer.results == searcher.find(picture, text).results
    assert any("longer xyzzy" in line for line in notes(answer))


def test_unknown_words_are_named_with_the_nearest_known_and_many_cost_little(searcher, monkeypatch):
    assert unknown_words(["is", "red"], searcher.known) == {}
    words = "reed slevees xyzzy xyzzy".split()
    nearest = {"reed": "red", "slevees": "sleeves", "xyzzy": ""}
    assert unknown_words(words, searcher.known) == nearest
    asked, near = [], difflib.get_close_matches
    monkeypatch.setattr(
        difflib, "get_close_matches", lambda *a, **o: asked.append(a[0]) or near(*a, **o)
    )
    words = [f"reed{number}" for number in range(200)]
    assert list(unknown_words(words, searcher.known)) == words and len(asked) == search.SUGGESTED


def test_a_text_without_words_is_none(picture, searcher):
    for text in (" ", "?!"):
        assert searcher.find(picture, text).results == searcher.find(picture).results


def test_what_is_no_query_is_said(tmp_path, picture, searcher):
    (tmp_path / "no.jpg").write_bytes(b"<html>")
    with pytest.raises(InputError, match=r"no.jpg: not a readable image \(HTML or XML page\)"):
        searcher.find(tmp_path / "no.jpg")
    with pytest.raises(InputError, match="not a readable image"):
        searcher.find(b"")
    with pytest.raises(InputError, match="501 characters, at most 500"):
        searcher.find(picture, "x" * 501)
    with pytest.raises(InputError, match="no index here"):
        Searcher(tmp_path)


def test_the_model_must_be_the_indexs(tmp_path, shop, run):
    write_run(tmp_path / "other", scale=1.1)
    with pytest.raises(InputError, match="other weights"):
        Searcher(shop[0], str(tmp_path / "other"))
    shutil.copytree(run, tmp_path / "moved")
    assert len(Searcher(shop[0], str(tmp_path / "moved")).index) == 62


def test_commands(tmp_path, shop, capsys):
    base = [f"--index_dir={shop[0]}", f"--image={shop[1]}/tops/4.png", "--text=is reed"]
    search_catalogue.main([*base, "--top=3", f"--sheet={tmp_path}/sheet.png"])
    table = capsys.readouterr().out
    assert table.count(".png") >= 3 and "reed" in table and "Did you mean “red”?" in table
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 600
    search_catalogue.main([*base, "--top=3", "--json=True", "--within=tops"])
    answer = json.loads(capsys.readouterr().out)
    assert [r["name"][:5] for r in answer["results"]] == ["tops/"] * 3
    assert answer["unknown"] == {"reed": "red"} and answer["seconds"]["all"] > 0
    for flags in (["--top=0"], ["--port=99999"], ["--image="]):
        with pytest.raises(InputError, match=flags[0].split("=")[0]):
            search_catalogue.main([*base, *flags])
    assert search.COPY_DISTANCE < 0.036  # of the demo's nearest different pictures
