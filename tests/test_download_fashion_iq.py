"""The download against a local server that misbehaves in every way seen, and a kill in between."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

import download_fashion_iq
from download_fashion_iq import read_urls
from errors import InputError
from fetch_image import Failure, Pace, Rules, check_url, fetch, make_session
from tests.small_data import small_fashion_iq, write
from tests.test_image_files import FRAMES, JPEG, PNG, encoded, huge_png

ROOT = Path(__file__).parents[1]


class Handler(BaseHTTPRequestHandler):
    """Answers by the first part of the path; counts requests per path."""

    def do_GET(self):
        kind = self.path.split("/")[1]
        self.server.seen[self.path] += 1
        self.server.times.append((self.path, time.monotonic()))
        getattr(self, f"answer_{kind}", self.answer_content)(kind, self.server.seen[self.path] == 1)

    def send(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer_content(self, kind, first):
        self.send(200, self.server.content[kind])

    def answer_status(self, kind, first):
        self.send(int(self.path.split("/")[2]), b"<html>no</html>")

    def answer_busy(self, kind, first):
        if first:
            self.send(429, Retry_After="1")
        else:
            self.send(200, JPEG)

    def answer_later(self, kind, first):
        self.send(429, b"", Retry_After="100000")

    def answer_broken(self, kind, first):
        self.send(*((500, b"") if first else (200, JPEG)))

    def answer_slow(self, kind, first):
        time.sleep(1.5)
        self.send(200, JPEG)

    def answer_trickle(self, kind, first):
        self.send(200, JPEG[:10], length=len(JPEG))
        for i in range(10, 200):
            time.sleep(0.05)
            self.wfile.write(JPEG[i : i + 1])

    def answer_short(self, kind, first):
        self.send(200, JPEG[:5000] if first else JPEG, length=len(JPEG))

    def answer_endless(self, kind, first):
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            self.wfile.write(JPEG + bytes(2**20))

    def answer_claims(self, kind, first):
        self.send(200, b"", length=10**12)

    def answer_to(self, kind, first):
        self.send(302, Location=unquote(self.path.removeprefix("/to/")))

    def answer_nap(self, kind, first):
        time.sleep(0.15)
        self.send(200, JPEG)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.seen, server.times = True, Counter(), []
    server.handle_error = lambda *args: None  # clients that hang up
    server.content = {
        "ok": JPEG,
        "png": PNG,
        "empty": b"",
        "html": b"<!DOCTYPE html>",
        "gif": encoded(FRAMES[0], "GIF"),
        "bomb": huge_png(60_000, 60_000),
        "half": JPEG[: len(JPEG) // 2],
    }
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


RULES = Rules(frozenset({"127.0.0.1"}), timeout=0.5, total_time=1, attempts=2, backoff=0.01)


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
        ("/gif/1", "not a JPEG or PNG", 1),
        ("/bomb/1", "over 25 megapixels", 1),
        ("/half/1", "truncated or corrupt", 2),
        ("/endless/1", "over 20,971,520 bytes", 1),
        ("/claims/1", "over 20,971,520 bytes", 1),
        ("/to/http://localhost:{port}/ok/1", "host not allowed: localhost", 1),
        ("/to/http://127.0.0.1%40localhost:{port}/ok/1", "bad URL", 1),
        ("/to/file:///etc/passwd", "scheme not allowed", 1),
    ],
)
def test_answers(server, tmp_path, path, reason, requests):
    path = path.replace("{port}", str(server.server_port))
    outcome = fetch(make_session(2), server.url + path, tmp_path / "x.jpg", RULES, Pace(1000))
    assert (outcome.reason, server.seen[path]) == (reason, requests)
    assert [f.name for f in tmp_path.iterdir()] == ([] if reason else ["x.jpg"])
    if not reason:
        assert (tmp_path / "x.jpg").read_bytes() in (JPEG, PNG)
        assert outcome.size == (tmp_path / "x.jpg").stat().st_size


def test_redirect_loop_and_no_server(server, tmp_path):
    session, path = make_session(1), tmp_path / "x.jpg"
    outcome = fetch(session, f"{server.url}/to/", path, RULES, Pace(1000))
    assert outcome.reason == "too many redirects" and server.seen["/to/"] == 6
    server.shutdown()
    server.server_close()
    outcome = fetch(session, server.url + "/ok", path, RULES, Pace(1000))
    assert outcome == ("connection failed or broken off", 2, 0, True)


def test_retry_after_is_waited_for(server, tmp_path):
    pace = Pace(1000)
    fetch(make_session(1), server.url + "/busy/1", tmp_path / "x.jpg", RULES, pace)
    (_, first), (_, second) = server.times
    assert 0.95 < second - first < 5


def test_rate(server, tmp_path):
    pace, session = Pace(20), make_session(4)
    threads = [
        threading.Thread(
            target=fetch, args=(session, server.url + f"/ok/{i}", tmp_path / str(i), RULES, pace)
        )
        for i in range(8)
    ]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
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
        fetch(make_session(1), server.url + "/ok", tmp_path / "no" / "x.jpg", RULES, Pace(1000))


def data_folder(root, server, **special):
    """27 images: all fine but those named in `special`, ASIN = path."""
    small_fashion_iq(root)
    for c in "dress", "shirt", "toptee":
        names = [f"{c[0].upper()}{split}0000000{i}" for split in "TV" for i in range(6)]
        lines = [f"{n} \t {server.url}{special.get(n, '/ok/' + n)}\n" for n in names]
        write(root / f"image_tag_dataset/image_url/asin2url.{c}.txt", "".join(lines))
    return root


def run(root, *flags):
    common = ["--allow_host=127.0.0.1", "--backoff=0.01", "--timeout=1", "--threads=4"]
    return download_fashion_iq.main([f"--data_path={root}", *common, *flags])


def test_command(server, tmp_path, capsys):
    special = {"DT00000000": "/status/404/a", "ST00000001": "/busy/1", "TV00000005": "/html/1"}
    special |= {"DV00000005": "/status/500/a"}
    root = data_folder(tmp_path, server, **special)
    write(root / "images/TV00000004.png", "from somewhere else")
    assert run(root) == 1
    printed = capsys.readouterr().out
    assert "27 images wanted, 1 there, 26 to fetch" in printed
    assert "24 of 27 images are there (88.9%)" in printed and "      1  HTTP 404" in printed
    assert "/ok/DT00000003" not in server.seen  # in the split, in no triplet
    log = [json.loads(line) for line in (root / "download_log.jsonl").read_text().splitlines()]
    assert {e["asin"]: e["reason"] for e in log if e["reason"]} == {
        "DT00000000": "HTTP 404",
        "TV00000005": "HTML or XML page",
        "DV00000005": "HTTP 500",
    }
    server.seen.clear()
    assert run(root, "--min_success=0.8") == 0  # tries what may work now, the 500
    assert set(server.seen) == {"/status/500/a"}
    server.seen.clear()
    data_folder(tmp_path, server)  # all fine now; the 404's URL is another one
    assert run(root) == 0
    assert len(server.seen) == 3
    assert len(list((root / "image_data").rglob("*.jpg"))) == 26
    server.seen.clear()
    assert run(root) == 0 and not server.seen
    assert run(root, "--all") == 0 and len(server.seen) == 9


def test_retry_failed(server, tmp_path):
    server.content["changing"] = b"<html>"
    root = data_folder(tmp_path, server, DT00000000="/changing/a")
    assert run(root, "--min_success=1") == 1
    server.content["changing"] = JPEG
    assert run(root, "--min_success=1") == 1 and server.seen["/changing/a"] == 1
    assert run(root, "--min_success=1", "--retry_failed") == 0


def test_kill_and_resume(server, tmp_path):
    names = [f"{c}V0000000{i}" for c in "DST" for i in range(6)]
    root = data_folder(tmp_path, server, **{name: f"/nap/{name}" for name in names})
    command = [sys.executable, "download_fashion_iq.py", f"--data_path={root}", "--threads=2"]
    process = subprocess.Popen([*command, "--allow_host=127.0.0.1"], cwd=ROOT)
    deadline = time.monotonic() + 60
    while len(list(root.rglob("*V*.jpg"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in root.rglob("*.jpg")}
    assert 2 <= len(kept) < 27
    with (root / "download_log.jsonl").open("a") as log:
        log.write('{"asin": "DV0000')  # as a kill leaves it
    write(root / "image_data/dress/DV00000000.jpg.part", "half")
    assert run(root) == 0
    files = list((root / "image_data").rglob("*"))
    assert sum(path.is_file() for path in files) == 27
    assert all(path.read_bytes() == JPEG for path in files if path.is_file())
    assert all(path.stat().st_mtime_ns == kept[path] for path in kept)
    for line in (root / "download_log.jsonl").read_text().splitlines():
        assert json.loads(line)["reason"] is None


def test_without_network(server, tmp_path, monkeypatch):
    root = data_folder(tmp_path, server)
    server.shutdown()
    server.server_close()
    monkeypatch.setattr(download_fashion_iq, "OFFLINE_AFTER", 5)
    with pytest.raises(InputError, match="the first 5 images failed, the last: connection failed"):
        run(root, "--attempts=1")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("../../x.jpg \t http://x/y.jpg", r"dress\.txt:1: '\.\./\.\./x\.jpg' is not an ASIN"),
        ("B000000001 http://x/y.jpg", r"dress\.txt:1: 1 columns"),
    ],
)
def test_bad_lists(tmp_path, line, message):
    write(tmp_path / "image_url/asin2url.dress.txt", line)
    with pytest.raises(InputError, match=message):
        read_urls(tmp_path, "dress")


def test_bad_log_and_flags(server, tmp_path):
    root = data_folder(tmp_path, server)
    write(root / "download_log.jsonl", "{}\n")
    with pytest.raises(InputError, match="download_log.jsonl:1: not a line of this log"):
        run(root)
    with pytest.raises(InputError, match="--rate=0.0: must be above 0"):
        run(root, "--rate=0")
