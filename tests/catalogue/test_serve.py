"""The real server: what is too slow, too large or for another host; and what --serve=True needs."""

import contextlib
import json
import os
import re
import select
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

pytest.importorskip("flask")
pytest.importorskip("waitress")

import catalogue.serve  # noqa: E402 - after the skips
from catalogue.file_index import FileIndex  # noqa: E402
from catalogue.page import make_app  # noqa: E402
from catalogue.serve import make_server, serve, trusted_hosts  # noqa: E402
from command_line.errors import InputError  # noqa: E402
from tests.catalogue.conftest import warm_searcher  # noqa: E402
from tests.datasets.test_image_files import huge_png  # noqa: E402
from tests.support.small_catalogue import index_of, write_picture  # noqa: E402


@pytest.fixture(scope="module")
def served(tmp_path_factory, run):
    """(port, folder) of a server of an index with one picture."""
    root = tmp_path_factory.mktemp("served")
    write_picture(root / "photos/a.png", 0)
    index_of(root / "index", root / "photos", run)
    server = make_server(make_app(warm_searcher(root / "index"), ["127.0.0.1"]), "127.0.0.1", 0)
    threading.Thread(target=server.run, daemon=True).start()
    yield server.effective_port, root
    server.close()


@pytest.fixture(scope="module")
def port(served):
    return served[0]


def answer_of(connection):
    """(status, all that a raw connection is answered with)."""
    received = b""
    with contextlib.suppress(ConnectionResetError):  # by what is still sent after the answer
        while part := connection.recv(100_000):
            received += part
    return int(received.split()[1]), received


def ask(port, request, host="127.0.0.1"):
    """-> as answer_of."""
    with socket.create_connection((host, port), 10) as connection:
        connection.sendall(request)
        return answer_of(connection)


def healthy(port):
    return ask(port, head("/api/health"))[0] == 200


def head(path, *headers, method="GET", host="127.0.0.1"):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def post(path, body, kind, length=None):
    length = len(body) if length is None else length
    headers = f"Content-Type: {kind}", f"Content-Length: {length}"
    return head(path, *headers, method="POST") + body


def as_json(body):
    return post("/api/search", body if isinstance(body, bytes) else json.dumps(body).encode(),
                "application/json")  # fmt: skip


def form(path, **fields):
    """A field whose value is bytes is a file."""
    body = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % ((name.encode(), b'; filename="../../x.png"', value) if isinstance(value, bytes)
           else (name.encode(), b"", value.encode()))
        for name, value in fields.items()
    )  # fmt: skip
    return post(path, body + b"--edge--\r\n", "multipart/form-data; boundary=edge")


BOMB = huge_png(60_000, 60_000)
HOSTILE = {
    **{f"traversal {path}": head(path) for path in (
        "/picture/../../etc/passwd", "/picture/%2e%2e%2fetc%2fpasswd", "/static/../page.py",
        "/static/%2e%2e/page.py", "/static/..%5cpage.py", "//etc/passwd",
    )},
    **{f"unknown {path[:20]}": head(path) for path in (
        "/picture/999999", "/picture/-1", "/picture/1e3", "/picture/" + "9" * 5000, "/nothing",
        "/api/nothing", "/picture/%C2%B2", "/?p=999999&t=red", "/?p=u0000&t=red", "/?p=%00&t=red",
    )},
    **{f"address {path[:20]}": head(path) for path in (
        "/?p=1", "/?p=1&t=a&n=x", "/?p=1&t=a&from=99999", "/?" + "p=1&t=&" * 51,
        "/?p=1&t=" + "x" * 501,
    )},
    **{f"host {host}": head("/", host=host) for host in (
        "evil.example", "127.0.0.1.evil.example", "evil.example@127.0.0.1", "[::1]", "",
    )},
    **{f"body {body!r:.40}": as_json(body) for body in (
        b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"name": "a\\u0000b"}',
        b'{"name": "a.png", "text": "\\ud800"}', b'{"name": "a.png", "top": 1e999}',
        {"name": 5}, {"name": "a.png", "text": ["a"]}, {"name": "a.png", "text": "x" * 501},
        {"name": "a.png", "top": -1}, {"name": "a.png", "top": True}, {"name": "/etc/passwd"},
        {"name": "../../etc/passwd"}, {"name": "a.png", "skip": 10**9},
        {"name": "a.png", "largest_distance": "nan"}, {"name": "a.png", "hide_copies": "yes"},
    )},
    **{f"new field {path[:30]}": head(path) for path in (
        "/?words=" + "a" * 10_000, "/?words=" + "+".join("abcdefghijklm"), "/?words=a&p=1&t=",
        "/?words=a&words=b", "/?words=%00", "/?within=..%2f", "/?word=a", "/?n=2.7", "/?from=-1",
        "/?words=" + "%C3%A9" * 501, "/?chosen=1&chosen=2", "/chosen?p=1&t=red",
        "/api/search?top=1", "/?script=%3Cscript%3Ealert(1)%3C/script%3E",
    )},
    "choice where none is kept": form("/chosen?p=1&t=red", target="1"),
    "script as a name": head("/picture/%3Cscript%3Ealert(1)%3C/script%3E"),
    "script in the path": head("/?p=%3Cscript%3Ealert(1)%3C/script%3E&t=red"),
    "script in a name asked for": as_json({"name": "<script>alert(1)</script>"}),
    "script as an upload": form("/upload", image=b"<script>alert(1)</script>", text="red"),
    "zip bomb as PNG": form("/upload", image=BOMB),
    "zip bomb as PNG for the API": form("/api/search", image=BOMB),
    "no picture": form("/api/search", text="red"),
    "long text": form("/api/search", image=BOMB, text="x" * 200_000),
    "many parts": form("/api/search", **{f"f{number}": "x" for number in range(200)}),
    "another method": head("/", method="DELETE"),
    "a search by GET": head("/api/search"),
    "300 MB": post("/upload", bytes(1000), "image/png", length=300 * 2**20),
    "a petabyte": post("/api/search", bytes(1000), "image/png", length=10**15),
    "no length": post("/api/search", b"", "image/png", length=-1),
    "bad chunks": head("/upload", "Transfer-Encoding: chunked", method="POST") + b"xyz\r\n\r\n",
    "a large header": head("/", "X: " + "a" * 300_000),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    "half a head": b"GET / HTTP/1.1\r\nHost: 127.0.0.1",
    "half a body": post("/upload", b"abc", "image/png", length=9999),
}  # fmt: skip


def tree(root):
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in root.rglob("*")}


def test_hostile_requests_are_refused_in_two_seconds_and_nothing_is_written(served):
    port, root = served
    before, files, watching = tree(root), [], True

    def watch(event, arguments):
        if watching and event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            files.append(arguments[0])

    sys.addaudithook(watch)
    for name, request in HOSTILE.items():
        start = time.monotonic()
        status, answer = ask(port, request)
        took = time.monotonic() - start
        assert 400 <= status < 500 and took < 2, (name, status, took)
        assert str(root).encode() not in answer and b"Traceback" not in answer, name
        assert b"text/html" not in answer or b"<script>alert" not in answer, name
    assert len(HOSTILE) >= 30 and healthy(port)
    watching = False
    assert tree(root) == before and files == []


def trickled(port, request):
    """(status, seconds) of a request of which the end is sent a byte each tenth of a second."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request[:-60])
        start = time.monotonic()
        for byte in request[-60:]:
            time.sleep(0.1)
            if select.select([connection], [], [], 0)[0]:
                break
            connection.sendall(bytes([byte]))
        return answer_of(connection)[0], time.monotonic() - start


def test_slow_senders_are_ended_and_hold_nobody_up(port, monkeypatch):
    monkeypatch.setattr(catalogue.serve, "STALL", 2.0)
    small, burst = (post("/upload", bytes(size), "image/png") for size in (5000, 5_000_000))
    with ThreadPoolExecutor(30) as pool:
        slow = [
            pool.submit(trickled, port, request)
            for request in 10 * [head("/", "X: " + 80 * "x"), small, burst]
        ]
        time.sleep(0.5)
        start = time.monotonic()
        assert healthy(port) and time.monotonic() - start < 1
        for status, took in (answer.result() for answer in slow):
            assert status == 408 and took < 4
    assert healthy(port)


def test_an_honest_slow_upload_is_taken(port):
    request = form("/api/search", image=BOMB + bytes(60_000))
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        for start in range(0, len(request), 5000):
            connection.sendall(request[start : start + 5000])
            time.sleep(0.2)  # 25 kB/s
        status, answer = answer_of(connection)
        assert status == 400 and b"megapixels" in answer


def test_a_sender_is_not_blamed_for_what_waits_here():
    server = make_server(make_app(None, []), "127.0.0.1", 0, grace=0.2)
    with socket.create_connection(("127.0.0.1", server.effective_port), 10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
        threading.Thread(target=server.run, daemon=True).start()
        while not server.active_channels:
            time.sleep(0.01)
        stalled = threading.Event()

        def stall(now):  # as when the search holds the interpreter
            if not stalled.is_set():
                time.sleep(0.5)
                stalled.set()

        server.maintenance, server.next_channel_cleanup = stall, 0
        connection.sendall(b"\r\n")
        assert answer_of(connection)[0] == 400 and stalled.is_set()  # of the app: another host
    server.close()


def test_other_machines_are_let_in_only_by_name():
    own = ["127.0.0.1", "localhost", "[::1]"]
    for host in ("127.0.0.1", "localhost", "::1", "LOCALHOST"):
        assert trusted_hosts(host, "") == own
    assert trusted_hosts("127.0.0.2", "") == [*own, "127.0.0.2"]
    assert trusted_hosts("0.0.0.0", "Shop.Example") == [*own, "shop.example"]
    assert trusted_hosts("::", "bücher.example") == [*own, "xn--bcher-kva.example"]
    assert trusted_hosts("192.168.1.5", "fd00::5") == [*own, "192.168.1.5", "[fd00::5]"]
    for host in ("0.0.0.0", "192.168.1.5", "example.org"):
        with pytest.raises(InputError, match="--allow_host="):
            trusted_hosts(host, "")
    for name in ("http://shop.example", "shop.example:80", "a..b", "*"):
        with pytest.raises(InputError, match="no http://, no port"):
            trusted_hosts("0.0.0.0", name)


@pytest.mark.parametrize(
    ("host", "allowed", "printed"),
    [
        ("127.0.0.2", "", ["127.0.0.2"]),
        ("::1", "", ["[::1]"]),
        ("0.0.0.0", "SHOP.example", ["127.0.0.1", "shop.example"]),
    ],
)
def test_the_printed_address_answers(host, allowed, printed, served, monkeypatch, capsys):
    index, nothing = FileIndex(served[1] / "index"), lambda: None
    searcher = SimpleNamespace(index=index, warm_up=nothing, refresh=nothing)

    def make(app, *where, **how):
        server = make_server(app, *where, **how)
        server.run = lambda: servers.append(server)
        return server

    if ":" in host:
        try:
            socket.create_server((host, 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("no IPv6 on this machine")
    servers = []
    monkeypatch.setattr("catalogue.search.Searcher", lambda *asked: searcher)
    monkeypatch.setattr("catalogue.serve.make_server", make)
    serve(host, allowed, 0, "index")
    names = re.findall(r"http://(\S+):0/", capsys.readouterr().out)
    assert names == printed
    port = servers[0].effective_port
    threading.Thread(target=type(servers[0]).run, args=servers, daemon=True).start()
    for name in names:
        there = names[0] if allowed else name  # the second is known to others
        request = head("/api/health", host=f"{name.upper()}:{port}")
        assert ask(port, request, there.strip("[]"))[0] == 200
    servers[0].close()


def test_serving_without_flask_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "waitress", None)
    with pytest.raises(InputError, match="needs waitress: bash scripts/setup.sh --catalogue"):
        serve("127.0.0.1", "", 8000, "index")


def test_a_port_in_use_is_named(port):
    with pytest.raises(InputError, match=f"--port={port}: .*in use"):
        make_server(make_app(None, []), "127.0.0.1", port)
