"""One image from a local server, for every kind of answer."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from command_line.errors import InputError
from datasets.fetch_image import Failure, Pace, Rules, check_url, fetch, make_session
from datasets.placeholders import Bodies
from tests.datasets.test_image_files import JPEG, PNG

RULES = Rules(frozenset({"127.0.0.1"}), timeout=0.5, total_time=1, attempts=2, backoff=0.01)


def get(url, path, pace=None):
    return fetch(make_session(2), url, path, RULES, pace or Pace(1000), Bodies())


@pytest.mark.parametrize(
    ("path", "reason", "requests"),
    [
        ("/ok/1", None, 1),
        ("/png/1", None, 1),
        ("/busy/1", None, 2),
        ("/broken/1", None, 2),
        ("/short/1", None, 2),
        ("/to//ok/1", None, 1),
        ("/to/http://127.0.0.1:{port}/ok/1", None, 1),
        ("/status/403", "HTTP 403", 1),
        ("/status/404", "HTTP 404", 1),
        ("/status/500", "HTTP 500", 2),
        ("/later/1", "HTTP 429", 1),
        ("/slow/1", "timeout", 2),
        ("/trickle/1", "timeout", 2),
        ("/empty/1", "empty file", 1),
        ("/html/1", "HTML or XML page", 1),
        ("/pixel/1", "smaller than 8 pixels a side", 1),
        ("/narrow/1", "smaller than 8 pixels a side", 1),
        ("/small/1", None, 1),
        ("/tiff/1", "not a JPEG, PNG, WebP, GIF or BMP", 1),
        ("/bomb/1", "over 25 megapixels", 1),
        ("/half/1", "truncated or corrupt", 2),
        ("/endless/1", "over 20,971,520 bytes", 1),
        ("/claims/1", "over 20,971,520 bytes", 1),
        ("/to/http://localhost:{port}/ok/1", "host not allowed: localhost", 1),
        ("/to/http://127.0.0.1%40localhost:{port}/ok/1", "bad URL", 1),
        ("/to/file:///etc/passwd", "scheme not allowed", 1),
        ("/to/", "too many redirects", 6),
    ],
)
def test_answers(server, tmp_path, path, reason, requests):
    path = path.replace("{port}", str(server.server_port))
    outcome = get(server.url + path, tmp_path / "x.jpg")
    assert (outcome.reason, server.seen[path]) == (reason, requests)
    assert [f.name for f in tmp_path.iterdir()] == ([] if reason else ["x.jpg"])
    if not reason:
        content = (tmp_path / "x.jpg").read_bytes()
        assert content.startswith((JPEG, PNG, server.content["small"]))
        assert outcome[2:] == (len(content), False, hashlib.sha256(content).hexdigest())


def test_no_server(server, tmp_path):
    server.shutdown()
    server.server_close()
    outcome = get(server.url + "/ok", tmp_path / "x.jpg")
    assert outcome == ("connection failed or broken off", 2, 0, True, "")


def test_retry_after_is_waited_for(server, tmp_path):
    get(server.url + "/busy/1", tmp_path / "x.jpg")
    (_, first), (_, second) = server.times
    assert 0.95 < second - first < 5


def test_rate(server, tmp_path):
    pace = Pace(20)
    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: get(f"{server.url}/ok/{i}", tmp_path / str(i), pace), range(8)))
    assert time.monotonic() - start > 7 / 20 and len(server.times) == 8


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x",
        "http://evil.com\\@127.0.0.1/x",
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1.evil.com/x",
        "http:///x",
        "http://127.0.0.1/x\n",
        "http://[::1/x",
        "",
    ],
)
def test_refused_urls(url):
    with pytest.raises(Failure):
        check_url(url, RULES.hosts)


def test_unwritable(server, tmp_path):
    with pytest.raises(InputError, match="x.jpg: can't be written"):
        get(server.url + "/ok", tmp_path / "no" / "x.jpg")
