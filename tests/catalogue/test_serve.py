"""The real server: what is too slow, too large or for another host; and what --serve=True needs."""

import http.client
import socket
import sys
import threading
import time

import pytest

pytest.importorskip("flask")
pytest.importorskip("waitress")

from catalogue.page import make_app  # noqa: E402 - after the skips
from catalogue.search import Searcher  # noqa: E402
from catalogue.serve import make_server, serve, trusted_hosts  # noqa: E402
from command_line.errors import InputError  # noqa: E402
from tests.support.small_catalogue import index_of, write_picture  # noqa: E402


@pytest.fixture(scope="module")
def port(tmp_path_factory, run):
    """Of a server of an index with one picture, which gives a request one second to arrive."""
    root = tmp_path_factory.mktemp("served")
    write_picture(root / "photos/a.png", 0)
    index_of(root / "index", root / "photos", run)
    app = make_app(Searcher(root / "index"), ["127.0.0.1"])
    server = make_server(app, "127.0.0.1", 0, request_seconds=1.0)
    threading.Thread(target=server.run, daemon=True).start()
    yield server.effective_port
    server.close()


def healthy(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/api/health")
    return connection.getresponse().status == 200


def status_of(connection):
    """The status that a raw connection is answered with."""
    received = b""
    while b"\r\n" not in received:
        part = connection.recv(1000)
        assert part, "closed without an answer"
        received += part
    return int(received.split()[1])


def test_slow_senders_are_ended_and_hold_nobody_up(port):
    start = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(20)]
    for connection in slow:
        connection.sendall(b"POST /api/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99")
    for _ in range(4):
        time.sleep(0.2)
        for connection in slow:
            connection.sendall(b"9")
    assert healthy(port)
    assert {status_of(connection) for connection in slow} == {408}
    assert time.monotonic() - start < 4
    assert healthy(port)


def test_a_slow_body_is_ended_too(port):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(
            b"POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n\r\nabc"
        )
        assert status_of(connection) == 408
    assert healthy(port)


@pytest.mark.parametrize("length", [300 * 2**20, 10**15])
def test_a_large_upload_is_refused_before_it_has_come(port, length):
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        head = f"POST /api/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode() + bytes(1000))
        assert status_of(connection) == 413
    assert time.monotonic() - start < 2 and healthy(port)


def test_another_host_and_no_http_are_refused(port):
    for request in (
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
    ):  # fmt: skip
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(request)
            assert 400 <= status_of(connection) < 500
    assert healthy(port)


def test_other_machines_are_let_in_only_by_name():
    assert trusted_hosts("127.0.0.1", "") == ["127.0.0.1", "localhost"]
    assert trusted_hosts("0.0.0.0", "shop.example")[-1] == "shop.example"
    for host in ("0.0.0.0", "192.168.1.5", "example.org"):
        with pytest.raises(InputError, match="--allow_host="):
            trusted_hosts(host, "")


def test_serving_without_flask_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "waitress", None)
    with pytest.raises(InputError, match="needs waitress: bash scripts/setup.sh --catalogue"):
        serve("index", "", "127.0.0.1", "", 8000)


def test_a_port_in_use_is_named(port):
    with pytest.raises(InputError, match=f"--port={port}: .*in use"):
        make_server(make_app(None, []), "127.0.0.1", port)
