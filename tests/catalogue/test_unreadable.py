"""Files that can't be read now are named, and tried again; and nobody waits for compacting."""

import contextlib
import os
import shutil
from types import SimpleNamespace

import pytest
from numpy.testing import assert_equal

from catalogue import indexing
from catalogue import photos as photos_module
from catalogue.store import Writer
from command_line.errors import InputError
from tests.support.small_catalogue import Drawn, expected, index_of, vectors

FAILED = "unreadable: Input/output error"  # as when a network share goes away


@contextlib.contextmanager
def unreadable(name, real=photos_module.read_content):
    """Within it, files of that name can't be read."""

    def read_content(place):
        if place.endswith(name):
            raise InputError(FAILED)
        return real(place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photos_module, "read_content", read_content)
        yield patch


def test_a_file_that_could_not_be_read_is_named_and_tried_again(tmp_path, photos, run):
    shutil.copy(photos / "webp.webp", photos / "copy.webp")
    index_of(tmp_path / "calm", photos, run)
    with unreadable("jpg.jpg"):
        report = index_of(tmp_path / "index", photos, run, Drawn(webp=FAILED))
    assert report.broken == [(name, FAILED) for name in ("copy.webp", "jpg.jpg", "webp.webp")]
    report = index_of(tmp_path / "index", photos, run)
    assert (report.looked_into, report.broken) == (3, [])
    assert_equal(vectors(tmp_path / "index"), vectors(tmp_path / "calm"))


def test_a_file_that_vanishes_while_it_is_read_is_no_broken_picture(
    tmp_path, photos, run, monkeypatch
):
    gone = [photos_module.Photo("gone.png", 1, 2)]
    with monkeypatch.context() as patch:
        patch.setattr(indexing, "scan", lambda root, skipped: gone)
        ((name, reason),) = index_of(tmp_path / "index", photos, run).broken
        assert name == "gone.png" and reason.startswith("unreadable: no file")
        assert index_of(tmp_path / "index", photos, run).looked_into == 1
    assert index_of(tmp_path / "index", photos, run).broken == []


def test_what_the_scan_cannot_know_is_named(tmp_path, photos, run):
    def denied():
        raise PermissionError(13, "Permission denied")

    def seen(entry):
        asked = ("name", "path", "is_dir", "is_symlink")
        known = SimpleNamespace(**{name: getattr(entry, name) for name in asked})
        known.stat = denied if entry.name == "png.png" else entry.stat
        return known

    @contextlib.contextmanager
    def scandir(folder, real=os.scandir):
        with real(folder) as entries:
            yield list(map(seen, entries))

    (photos / "round").symlink_to("round")
    with unreadable("png.png") as patch:
        patch.setattr(photos_module.os, "scandir", scandir)
        report = index_of(tmp_path / "index", photos, run)
    assert report.broken == [("png.png", FAILED)] and report.counts["images"] == 10
    again = index_of(tmp_path / "index", photos, run)
    assert (again.looked_into, again.broken) == (1, [])


def test_compact_copies_before_its_transaction(tmp_path, photos, run, monkeypatch):
    index_of(tmp_path / "index", photos, run)
    within, write = [], Writer.write_block

    def spy(writer, *arguments):
        within.append(writer.rows.in_transaction)
        write(writer, *arguments)

    monkeypatch.setattr(Writer, "write_block", spy)
    index_of(tmp_path / "index", photos, run, compact=True)
    assert within == [False] * 3
    assert_equal(vectors(tmp_path / "index"), expected(photos))
