"""A local server of images that misbehaves in every way seen on the web."""

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from tests.datasets.test_image_files import FRAMES, JPEG, PNG, encoded, huge_png, picture


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

    def answer_ok(self, kind, first):
        self.send(200, self.server.content[kind] + self.path.encode())  # other bytes for each path

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
        self.answer_ok("ok", first)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    """The server, with url, seen (requests per path), times and content (kind: body)."""
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.seen, server.times = True, Counter(), []
    server.handle_error = lambda *args: None  # clients that hang up
    server.content = {
        "ok": JPEG,
        "png": PNG,
        "empty": b"",
        "html": b"<!DOCTYPE html>",
        "pixel": encoded(picture("P", (1, 1)), "GIF"),
        "narrow": encoded(picture(size=(7, 90)), "PNG"),
        "small": encoded(picture(size=(8, 8)), "JPEG"),
        "tiff": encoded(FRAMES[0], "TIFF"),
        "bomb": huge_png(60_000, 60_000),
        "half": JPEG[: len(JPEG) // 2],
    }
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()
