"""The commands, the page and the API on a real PostgreSQL: several at once, none, and no password
anywhere."""

import json
import sys

import pytest

pytest.importorskip("psycopg")
pytest.importorskip("flask")

from pgvector import Vector  # noqa: E402

import index_catalogue  # noqa: E402 - after the skips
import search_catalogue  # noqa: E402
from catalogue.database import connect, prepare  # noqa: E402
from catalogue.database_index import DatabaseIndex  # noqa: E402
from catalogue.page import make_app  # noqa: E402
from catalogue.search import Searcher  # noqa: E402
from command_line.errors import InputError  # noqa: E402
from tests.catalogue.conftest import ODD  # noqa: E402
from tests.catalogue.test_page import cards  # noqa: E402
from tests.support.database_server import ENCODED, PASSWORD, update  # noqa: E402
from tests.support.small_catalogue import Drawn, write_picture  # noqa: E402

pytestmark = pytest.mark.usefixtures("drawn_queries")


def test_pages_run_on_one_database_and_take_new_images_as_they_come(database, photos, run):
    for seed, name in enumerate(ODD):
        write_picture(photos / "odd" / name, 100 + seed)
    update(database, photos, run)
    pages = [
        make_app(Searcher(DatabaseIndex(database)), ["localhost"]).test_client() for _ in range(2)
    ]
    shown = {title: link for link, title in cards(pages[0].get("/?n=240"))}
    assert len(shown) == 16 and {f"odd/{name}" for name in ODD} <= set(shown)
    answers = [cards(page.get(shown["png.png"] + "is+red")) for page in pages]
    assert len(answers[0]) > 10 and answers[0] == answers[1]
    assert pages[1].get("/?within=odd/").text.count("/picture/") == len(ODD)
    write_picture(photos / "new.png", 200)
    update(database, photos, run)
    for page in pages:
        assert page.get("/api/health").json == {"status": "ok", "images": 17}
        asked = {"name": "new.png", "text": "is red", "top": 100}
        assert len(page.post("/api/search", json=asked).json["results"]) == 16
    for body in ({"name": "a\0b"}, {"name": "png.png", "top": -1}):
        assert 400 <= pages[0].post("/api/search", json=body).status_code < 500


def test_a_page_whose_database_is_down_says_so_and_goes_on_when_it_is_up(
    server, database, photos, run, caplog
):
    update(database, photos, run)
    page = make_app(Searcher(DatabaseIndex(database)), ["localhost"]).test_client()
    link = cards(page.get("/"))[0][0]
    server.stop()
    answers = [page.get(link), page.get("/"), page.get("/picture/1"), page.get("/api/health")]
    answers.append(page.post("/api/search", json={"name": "png.png"}))
    server.start()
    for answer in answers:
        assert answer.status_code == 503 and "database does not answer" in answer.text
        assert not any(word in answer.text for word in ("shop_", PASSWORD, "postgres", "/tmp"))
    assert PASSWORD not in caplog.text and ENCODED not in caplog.text and "Error" not in caplog.text
    assert page.get(link).status_code == 200


@pytest.fixture(scope="module")
def empty(server):
    return server.database()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: url.replace(ENCODED, "wrong-one"), "password authentication failed"),
        (lambda url: url.replace(f":{ENCODED}", ""), "no password supplied"),
        (lambda url: url.replace(ENCODED, PASSWORD), "not of the form postgresql://"),
        (lambda url: url.replace(ENCODED, "wrong-one/b"), "not of the form postgresql://"),
        (lambda url: url.replace("postgresql", "mysql"), "not of the form postgresql://"),
        (lambda url: url.partition("://")[2], "not of the form postgresql://"),
        (lambda url: f"{url}&wrong-one=1", "not of the form postgresql://"),
        (lambda url: url.replace("@/", "@localhost:wrong-one/"), "not of the form postgresql://"),
        (lambda url: url.replace("/shop_", "/none_"), 'database "none_.*" does not exist'),
        (lambda url: url.replace("?host=", "?host=/nowhere"), "No such file or directory"),
        (lambda url: url, "no catalogue here; index_catalogue.py makes one"),
    ],
)
def test_no_error_shows_a_password(empty, change, said, monkeypatch):
    for name in ("PGPASSWORD", "PGPASSFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=said) as raised:
        DatabaseIndex(change(empty))
    told = str(raised.value)
    assert "\n" not in told and not any(word in told for word in (PASSWORD, ENCODED, "wrong-one"))
    assert raised.value.__context__ is None or raised.value.__suppress_context__


@pytest.mark.parametrize("flags", ["{}", "--database {}", "--databse={}", "--port=x --database={}"])
def test_no_bad_flag_shows_a_password(flags, empty):
    for command in (index_catalogue, search_catalogue):
        with pytest.raises(InputError) as raised:
            command.main(flags.format(empty).split())
        assert raised.value.exit_code == 2 and ENCODED not in str(raised.value)


def test_commands(tmp_path, database, photos, run, monkeypatch, capsys):
    monkeypatch.setattr("catalogue.encoding.Encoding", lambda *arguments: Drawn())
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    database = database.replace(f":{ENCODED}", "")
    flags = [f"--checkpoint_dir={run}", f"--image_dir={photos}"]
    index_catalogue.main([*flags, f"--database={database}"])
    out = capsys.readouterr().out
    assert "11 images under 11 vectors" in out and "the search is exact" in out
    index_catalogue.main([*flags, f"--database={database}"])
    assert "0 files looked into" in capsys.readouterr().out
    image = [f"--image={photos}/png.png", "--text=is reed"]
    sheet = tmp_path / "sheet.png"
    search_catalogue.main([f"--database={database}", *image, "--json=True", f"--sheet={sheet}"])
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["results"]) == 10 and answer["unknown"] == {"reed": "red"}
    assert answer["left_out"] == ["png.png"] and sheet.exists()
    for both in ([], [f"--database={database}", "--index_dir=x"]):
        for command, others in ((search_catalogue, image), (index_catalogue, flags)):
            with pytest.raises(InputError, match="one of --index_dir= and --database= is needed"):
                command.main([*others, *both])


def test_what_a_server_lacks_is_said(server, monkeypatch):
    database = server.database(pgvector=False)
    with pytest.raises(InputError, match="needs pgvector; let its administrator CREATE EXTENSION"):
        with connect(database) as connection:
            prepare(connection, {})
    with connect(server.administered(database)) as first:
        with connect(server.administered(database)) as second:
            assert prepare(first, {}) == {} and prepare(second, {})["format"] == 1
            assert second.execute("SELECT %s", (Vector([1, 2]),)).fetchone() == (Vector([1, 2]),)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match="needs psycopg and pgvector: bash scripts/setup.sh --da"):
        DatabaseIndex(database)


def test_a_folder_that_outgrows_files_is_told_of_databases_once(
    tmp_path, photos, run, monkeypatch, capsys
):
    monkeypatch.setattr("catalogue.encoding.Encoding", lambda *arguments: Drawn())
    monkeypatch.setattr("catalogue.indexing.SEARCHED_FAST", 10)
    told = []
    for _ in range(2):
        index_catalogue.main([f"--checkpoint_dir={run}", f"--image_dir={photos}",
                              f"--index_dir={tmp_path}"])  # fmt: skip
        told.append("--database=postgresql://" in capsys.readouterr().out)
    assert told == [True, False]
