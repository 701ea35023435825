"""A tiny trained run, folders of pictures, and a served catalogue of one."""

import shutil

import pytest

from catalogue import opening, search
from catalogue.encoding import Encoding
from catalogue.file_index import FileIndex
from catalogue.search import Searcher
from tests.support.shallow import always_shallow, shallow_net  # noqa: F401
from tests.support.small_catalogue import Drawn, index_of, write_picture
from tests.support.small_run import write_run

ODD = ["ünï 画像.png", 'quo"te\'s.png', "new\nline.png", " blank .png", "<script>alert(1)<b>.png"]


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    with shallow_net():
        write_run(folder)
    return folder


@pytest.fixture(scope="session")
def warm_searcher():
    """Function of an index that run made -> a searcher of it, ready to answer."""

    def open_index(index):
        with shallow_net():
            searcher = Searcher(index)
            searcher.warm_up()
        return searcher

    return open_index


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


@pytest.fixture(params=["files", "database"])
def store(request, tmp_path, photos, run):
    """(function that indexes photos, function that opens the index), of either kind."""
    if request.param == "files":
        index = tmp_path / "index"
        return lambda **how: index_of(index, photos, run, **how), lambda: FileIndex(index)
    pytest.importorskip("psycopg")
    from catalogue.database_index import DatabaseIndex
    from catalogue.database_indexing import update_database

    url = request.getfixturevalue("database")
    options = dict(say=lambda line: None)
    return (
        lambda **how: update_database(url, photos, Drawn(), run, **options, **how),
        lambda: DatabaseIndex(url),
    )


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
