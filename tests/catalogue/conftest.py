"""A tiny trained run, folders of pictures, and a served catalogue of one."""

import shutil
from types import SimpleNamespace

import pytest

from catalogue import opening, search
from catalogue.encoding import Encoding
from catalogue.file_index import FileIndex
from catalogue.search import Searcher
from tests.support.shallow import always_shallow, shallow_net  # noqa: F401
from tests.support.small_catalogue import Asked, index_of, vectors, write_picture
from tests.support.small_run import write_run

ODD = ["ünï 画像.png", "quo\"te's.png", "new\nline.png", " blank .png", "<script>alert(1)<b>.png"]


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    with shallow_net():
        write_run(folder)
    return folder


def warm_searcher(index):
    """A searcher of an index that run made, ready to answer."""
    with shallow_net():
        searcher = Searcher(index)
        searcher.warm_up()
    return searcher


@pytest.fixture
def photos(tmp_path):
    """Eleven pictures of every kind in folders, and a text."""
    folder = tmp_path / "photos"
    for seed, suffix in enumerate(("jpg", "png", "webp", "gif", "bmp", "jfif", "JPG")):
        write_picture(folder / f"{suffix}.{suffix}", seed)
    for seed in range(4):
        write_picture(folder / "dresses" / "long" / f"{seed}.png", 10 + seed)
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(params=["index", "database"])
def store(request, tmp_path, photos, run):
    """Where photos are indexed: functions that update it, open it, and give what it holds."""
    if request.param == "index":
        place, update, opened, held = tmp_path / "index", index_of, FileIndex, vectors
    else:
        pytest.importorskip("psycopg")
        from catalogue.database_index import DatabaseIndex as opened
        from tests.support.database_server import update
        from tests.support.database_server import vectors as held

        place = request.getfixturevalue("database")
    return SimpleNamespace(
        kind=request.param,
        update=lambda photos=photos, run=run, **how: update(place, photos, run, **how),
        open=lambda: opened(place),
        vectors=lambda: held(place),
    )


@pytest.fixture
def drawn_queries(monkeypatch):
    """Searchers encode queries without a net."""
    monkeypatch.setattr(opening, "open_source", Asked)


@pytest.fixture(scope="session")
def encoding(run):
    """A drawn net, ready to encode."""
    with shallow_net():
        encoding = Encoding(str(run), "")
        encoding.warm_up()
    return encoding


@pytest.fixture
def shop(tmp_path, run, encoding, monkeypatch):
    """Photos in folders, with odd names; (client, photos, function that indexes again)."""
    from catalogue.page import make_app  # needs Flask

    photos = tmp_path / "photos"
    for seed in range(30):
        write_picture(photos / ("tops" if seed % 2 else "dresses") / f"{seed}.png", seed)
    for seed, name in enumerate(ODD):
        write_picture(photos / "odd" / name, 50 + seed)
    shutil.copy(photos / "tops/1.png", photos / "dresses/copy of 1.png")
    monkeypatch.setattr(opening, "open_source", lambda *arguments: encoding)
    monkeypatch.setattr(search, "COPY_DISTANCE", 1e-9)  # to a drawn net, noise is alike

    def again(**how):
        encoder = lambda path: encoding.files  # noqa: E731
        index_of(tmp_path / "index", photos, run, encoder, block_rows=31, **how)

    again()
    return make_app(Searcher(tmp_path / "index"), ["localhost"]).test_client(), photos, again


@pytest.fixture
def client(shop):
    return shop[0]
