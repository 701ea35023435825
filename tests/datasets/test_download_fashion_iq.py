"""The command against a local server: gaps, later runs, a kill and an interrupt in between."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import download_fashion_iq
from command_line.errors import InputError
from datasets import fashion_iq_images
from datasets.fashion_iq import read_url_list
from datasets.placeholders import MOST_URLS, shared_bytes
from tests.datasets.test_image_files import JPEG
from tests.support.small_data import maybe_input_error, small_fashion_iq, write

ROOT = Path(__file__).parents[2]


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


def test_what_hosts_send_for_pictures_that_are_gone(server, tmp_path, capsys):
    server.content["gone"] = JPEG  # readable: only its many URLs tell
    special = {f"SV0000000{i}": f"/gone/{i}" for i in range(6)} | {"TV00000005": "/pixel/1"}
    special |= {f"DV0000000{i}": "/png/1" for i in range(6)}  # one URL for all of them
    root = data_folder(tmp_path, server, **special)
    assert run(root, "--min_success=0") == 0
    kept = [path for path in root.rglob("*.jpg") if path.read_bytes() == JPEG]
    assert len(kept) == MOST_URLS and len(list(root.rglob("DV*.jpg"))) == 6
    printed = capsys.readouterr().out
    named = re.search("      3  the bytes of (.*), which have other URLs\n", printed)[1]
    assert set(named.split(", ")) == {path.stem for path in kept}
    assert "      1  smaller than 8 pixels a side\n" in printed
    for path in kept:
        path.unlink()
    assert run(root, "--min_success=0") == 0  # the log knows the bytes
    assert not [path for path in root.rglob("*.jpg") if path.read_bytes() == JPEG]
    server.seen.clear()
    assert run(root, "--min_success=0") == 0 and not server.seen


def test_bytes_that_many_names_share():
    digests = dict(zip("ABCDEFGHIJ", "1111122226", strict=True))
    assert shared_bytes(digests, {}) == [list("ABCDE"), list("FGHI")]
    assert shared_bytes(digests, {"F": "/x", "I": "/x"}) == [list("ABCDE")]  # F to I: three URLs


def stopped(root, server, with_signal, *flags):
    """A download of 27 images, sent a signal after two -> (its exit status, what it printed)."""
    names = [f"{c}V0000000{i}" for c in "DST" for i in range(6)]
    data_folder(root, server, **{name: f"/nap/{name}" for name in names})
    command = [sys.executable, "download_fashion_iq.py", f"--data_path={root}", "--threads=2"]
    command += ["--allow_host=127.0.0.1", *flags]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(list(root.rglob("*V*.jpg"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(with_signal)
    printed, _ = process.communicate(timeout=30)
    return process.returncode, printed


def test_kill_and_resume(server, tmp_path):
    assert stopped(tmp_path, server, signal.SIGKILL)[0] == -signal.SIGKILL
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")}
    assert 2 <= len(kept) < 27
    with (tmp_path / "download_log.jsonl").open("a") as log:
        log.write('{"asin": "DV0000')  # as a kill leaves it
    write(tmp_path / "image_data/dress/DV00000000.jpg.part", "half")
    assert run(tmp_path) == 0
    files = list((tmp_path / "image_data").rglob("*"))
    assert sum(path.is_file() for path in files) == 27
    assert all(path.read_bytes().startswith(JPEG) for path in files if path.is_file())
    assert all(path.stat().st_mtime_ns == kept[path] for path in kept)
    for line in (tmp_path / "download_log.jsonl").read_text().splitlines():
        assert json.loads(line)["reason"] is None


def test_interrupt(server, tmp_path):
    # At this rate it takes seven seconds: the signal can't come late.
    code, printed = stopped(tmp_path, server, signal.SIGINT, "--rate=4")
    assert code == 130 and printed.endswith("goes on from here\n")
    assert not list(tmp_path.rglob("*.part")) and len(list(tmp_path.rglob("*.jpg"))) < 27


def test_without_network(server, tmp_path, monkeypatch):
    root = data_folder(tmp_path, server)
    server.shutdown()
    server.server_close()
    monkeypatch.setattr(fashion_iq_images, "OFFLINE_AFTER", 5)
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
        read_url_list(tmp_path, "dress")


@given(st.text(st.sampled_from("B0 \t\n\u00e9/.")))
def test_any_list_gives_urls_or_input_error(tmp_path_factory, text):
    root = tmp_path_factory.getbasetemp() / "urls"
    write(root / "image_url/asin2url.shirt.txt", text)
    with maybe_input_error(r"asin2url\.shirt\.txt:"):
        assert all(re.fullmatch("[A-Z0-9]{10}", asin) for asin in read_url_list(root, "shirt"))


def test_bad_log_and_flags(server, tmp_path):
    root = data_folder(tmp_path, server)
    write(root / "download_log.jsonl", "{}\n")
    with pytest.raises(InputError, match="download_log.jsonl:1: not a line of this log"):
        run(root)
    with pytest.raises(InputError, match="--rate=0.0: must be above 0"):
        run(root, "--rate=0")
