"""Answers from a real PostgreSQL beside those of files with the same pictures."""

import shutil

import numpy as np
import pytest
from PIL import PngImagePlugin

psycopg = pytest.importorskip("psycopg")

from catalogue import database_index, database_indexing, vectors  # noqa: E402
from catalogue.database import connect, prepare  # noqa: E402
from catalogue.database_index import DatabaseIndex  # noqa: E402
from catalogue.file_index import FileIndex  # noqa: E402
from catalogue.search import Searcher  # noqa: E402
from command_line.errors import InputError  # noqa: E402
from tests.catalogue.conftest import ODD  # noqa: E402
from tests.support.database_server import update  # noqa: E402
from tests.support.small_catalogue import DIMS, index_of, write_picture  # noqa: E402

pytestmark = pytest.mark.usefixtures("drawn_queries")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """60 pictures in folders, one twice, some of odd names, some that look the same."""
    folder = tmp_path_factory.mktemp("shop") / "photos"
    for seed in range(60):
        write_picture(folder / ("tops" if seed % 3 else "dresses/long") / f"{seed}.png", seed)
    for seed, name in enumerate(ODD):
        write_picture(folder / "odd" / name, 100 + seed)
    shutil.copy(folder / "tops/1.png", folder / "dresses/copy of 1.png")
    for level in range(1, 9):  # other bytes, the same pixels: distances tie
        mark = PngImagePlugin.PngInfo()
        mark.add_text("level", str(level))
        write_picture(folder / "tops" / f"same {9 - level}.png", 7, pnginfo=mark)
    return folder


@pytest.fixture(scope="module")
def filled(server, photos, run):
    """The address of a database with those."""
    database = server.database()
    update(database, photos, run)
    return database


@pytest.fixture(scope="module")
def files(tmp_path_factory, photos, run):
    folder = tmp_path_factory.mktemp("files") / "index"
    index_of(folder, photos, run, block_rows=31)
    return FileIndex(folder)


def names(found):
    return [(image.name, image.distance) for image in found]


@pytest.mark.parametrize("exact", [2000, 0])
def test_the_nearest_are_those_of_files_whatever_the_filter(files, filled, monkeypatch, exact):
    """With exact=0 every search asks the approximate one first, which is short of candidates."""
    monkeypatch.setattr(database_index, "EXACT", exact)
    index, rng = DatabaseIndex(filled), np.random.default_rng(0)
    assert len(index) == len(files) == 74 and index.folders == files.folders
    for round in range(12):
        query = rng.standard_normal(DIMS, np.float32) / 3
        within = ["", "tops/", "dresses/", "odd/", "dresses/long/", "none/"][round % 6]
        some = [str(name) for name in rng.permutation(files.names)[: round % 4]]
        for most in (1, 7, 70):
            ours = index.nearest(query, most, within, [index.number_of(name) for name in some])
            theirs = files.nearest(query, most, within, [files.number_of(name) for name in some])
            assert names(ours) == names(theirs)


def test_everything_else_is_that_of_files_too(files, filled, photos):
    index = DatabaseIndex(filled)
    for within in ("", "dresses/", "odd/", "none/"):
        size = index.size_of(within)
        assert size == files.size_of(within)
        places = list(range(0, size, 3))
        ours = [index.name_of(number) for number in index.numbers_at(places, within)]
        assert ours == [files.name_of(number) for number in files.numbers_at(places, within)]
    for name in files.names:
        ours, theirs = index.number_of(name), files.number_of(name)
        assert ours in index and index.read(ours) == files.read(theirs)
        assert np.array_equal(index.vectors([ours]), files.vectors([theirs]))
        assert not index.has_changed(ours)
    assert index.number_of("none.png") is None and index.number_of("a\0b") is None
    assert index.nearest(np.zeros(DIMS, np.float32), 5, "a\0b/") == [] and 10**9 not in index
    for unknown in (index.name_of, index.read, lambda number: index.vectors([number])):
        with pytest.raises(InputError, match="no image 999999999 in this catalogue"):
            unknown(999999999)


def test_a_searcher_answers_alike(files, filled, photos):
    ours, theirs = Searcher(DatabaseIndex(filled)), Searcher(files)
    for options in (
        {}, {"hide_copies": True}, {"largest_distance": 1.5}, {"within": "tops"}, {"skip": 5},
        {"keep_query": True, "top": 3},
    ):  # fmt: skip
        for name in ("tops/1.png", "tops/same 4.png"):
            answers = [one.find(photos / name, "is red", **options) for one in (ours, theirs)]
            plain = [
                ([result[1:] for result in answer.results], answer.more, answer.left_out)
                for answer in answers
            ]
            assert plain[0] == plain[1]


@pytest.fixture(scope="module")
def large(server, photos, run):
    """(address, vectors by name) of 2,500 drawn vectors in two folders, 5 of them in one."""
    database, rng = server.database(), np.random.default_rng(1)
    update(database, photos, run)  # makes the tables
    drawn = rng.standard_normal((2500, DIMS), np.float32) / 3
    shas = [rng.bytes(32) for _ in drawn]
    folders = ["few" if number % 500 == 0 else "many" for number in range(2500)]
    paths = [f"{folder}/{number:04}.png" for number, folder in enumerate(folders)]
    said = []
    with connect(database) as connection:
        connection.execute("TRUNCATE catalogue.files, catalogue.vectors")
        vectors.load(connection, shas, drawn)
        ones = [1] * 2500
        connection.execute(database_indexing.KEEP, (paths, ones, ones, shas, [""] * 2500))
        connection.execute("SELECT nextval('catalogue.changes')")
        worker = database_indexing.Worker(connection, prepare(connection, {}), None, 4, said.append)
        worker.finish()
    assert "building the HNSW index over 2,500 vectors" in said[0]
    assert float(said[-1].split(": ")[1].split()[0]) > 0.95
    return database, dict(zip(paths, drawn, strict=True))


def test_the_approximate_search_uses_its_index_and_loses_no_answer(large, monkeypatch):
    database, drawn = large
    monkeypatch.setattr(database_index, "EXACT", 0)
    index, rng, plans = DatabaseIndex(database), np.random.default_rng(2), []
    asked = vectors.approximate

    def explained(connection, *arguments):
        monkeypatch.setattr(vectors, "APPROXIMATE", f"EXPLAIN {vectors.APPROXIMATE}")
        plans.append(str(asked(connection, *arguments)))
        monkeypatch.undo()
        return asked(connection, *arguments)

    monkeypatch.setattr(database_index, "approximate", explained)
    index.nearest(np.ones(DIMS, np.float32), 10, "many/")
    assert "Index Scan using nearest on vectors" in plans[0] and "Sort" not in plans[0]
    monkeypatch.setattr(database_index, "EXACT", 0)
    for within in ("", "many/", "few/"):
        hits, wanted = 0, 0
        for _ in range(10):
            query = rng.standard_normal(DIMS, np.float32) / 3
            exact = sorted(
                (float(np.sum((v.astype(float) - query) ** 2)), name)
                for name, v in drawn.items() if name.startswith(within)
            )[:10]  # fmt: skip
            found = index.nearest(query, 10, within)
            assert len(found) == len(exact)
            hits += len({name for _, name in exact} & {image.name for image in found})
            wanted += len(exact)
        assert hits == wanted if within == "few/" else hits > 0.95 * wanted


def test_the_model_must_be_the_databases(filled):
    index = DatabaseIndex(filled)
    index.about = {**index.about, "fingerprint": {"weights": "another's"}}
    with pytest.raises(InputError, match="other weights"):
        Searcher(index)
    with pytest.raises(InputError, match="other weights"):
        index.newest()


def test_too_many_dimensions_are_refused():
    with pytest.raises(InputError, match="4,001 dimensions, pgvector's HNSW index takes 4,000"):
        vectors.load(None, [b"x"], np.zeros((1, 4001), np.float32))
