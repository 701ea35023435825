"""Files that can't be read now are named, and tried again; and nobody waits for compacting."""

import os
import shutil

from catalogue import indexing
from catalogue import photos as photos_module
from catalogue.store import Writer
from command_line.errors import InputError
from tests.catalogue.test_indexing import assert_holds, expected, vectors
from tests.support.small_catalogue import Drawn, index_of


class Flaky(Drawn):
    """Can't read some files, as when a network share goes away."""

    def files(self, paths, digests, done):
        features, reasons = super().files(paths, digests, done)
        flaky = "unreadable: Input/output error"
        return features, [flaky if "webp" in p else reasons[k] for k, p in enumerate(paths)]


def test_a_file_that_could_not_be_read_is_named_and_tried_again(tmp_path, photos, run, monkeypatch):
    shutil.copy(photos / "webp.webp", photos / "copy.webp")
    index_of(tmp_path / "calm", photos, run)

    def failing(place, real=photos_module.read_content):
        if place.endswith("jpg.jpg"):
            raise InputError("unreadable: Input/output error")
        return real(place)

    with monkeypatch.context() as patch:
        patch.setattr(photos_module, "read_content", failing)
        broken = index_of(tmp_path / "index", photos, run, Flaky()).broken
    assert [name for name, _ in broken] == ["copy.webp", "jpg.jpg", "webp.webp"]
    assert all("Input/output error" in reason for _, reason in broken)
    report = index_of(tmp_path / "index", photos, run)
    assert (report.looked_into, report.broken) == (3, [])
    assert_holds(tmp_path / "index", vectors(tmp_path / "calm"))


def test_a_file_that_vanishes_while_it_is_read_is_no_broken_picture(
    tmp_path, photos, run, monkeypatch
):
    def scan(root, skipped):
        yield photos_module.Photo("gone.png", 1, 2)

    with monkeypatch.context() as patch:
        patch.setattr(indexing, "scan", scan)
        ((name, reason),) = index_of(tmp_path / "index", photos, run).broken
        assert name == "gone.png" and reason.startswith("unreadable: no file")
        assert index_of(tmp_path / "index", photos, run).looked_into == 1
    assert index_of(tmp_path / "index", photos, run).broken == []


def test_what_the_scan_cannot_know_is_named(tmp_path, photos, run, monkeypatch):
    class Entry:
        def __init__(self, entry):
            self.name, self.path, self.entry = entry.name, entry.path, entry
            self.is_dir, self.is_symlink = entry.is_dir, entry.is_symlink

        def stat(self):
            if self.name == "png.png":
                raise PermissionError(13, "Permission denied", self.path)
            return self.entry.stat()

    class Entries(list):
        def __init__(self, folder):
            super().__init__(map(Entry, os_scandir(folder)))

        def __enter__(self):
            return self

        def __exit__(self, *failure):
            pass

    os_scandir = os.scandir
    (photos / "round").symlink_to("round")
    real = photos_module.read_content

    def read_content(place):
        if place.endswith("png.png"):
            raise InputError("unreadable: Permission denied")
        return real(place)

    with monkeypatch.context() as patch:
        patch.setattr(photos_module.os, "scandir", Entries)
        patch.setattr(photos_module, "read_content", read_content)
        report = index_of(tmp_path / "index", photos, run)
    assert report.broken == [("png.png", "unreadable: Permission denied")]
    assert report.counts["images"] == 10
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
    assert_holds(tmp_path / "index", expected(photos))
