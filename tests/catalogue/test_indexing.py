"""An index follows its folder: names, vectors, broken files, copies, kills, two writers."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from numpy.testing import assert_equal

from catalogue import indexing, sources
from catalogue.file_index import FileIndex
from catalogue.store import BLOCKS, Writer, connect, read_metadata
from command_line.errors import InputError
from tests.catalogue.conftest import ODD
from tests.support.small_catalogue import Drawn, expected, index_of, vectors, write_picture
from tests.support.small_run import write_run


def test_an_unreadable_image_shifts_no_name_and_is_tried_again_only_when_it_changes(store, photos):
    (photos / "dresses/long/0a.png").write_bytes(b"<html>404</html>")
    (photos / "b.jpg").write_bytes(b"")
    whole = (photos / "jpg.jpg").read_bytes()
    (photos / "c.jpg").write_bytes(whole[: len(whole) // 2])
    broken = [
        ("b.jpg", "empty file"),
        ("c.jpg", "truncated or corrupt"),
        ("dresses/long/0a.png", "HTML or XML page"),
    ]
    report = store.update()
    assert (report.looked_into, report.encoded, report.broken) == (14, 11, broken)
    assert report.counts == {"images": 11, "broken": 3, "vectors": 11, "unused_vectors": 0}
    assert_equal(store.vectors(), expected(photos, *dict(broken)))
    again = store.update()
    assert (again.looked_into, again.broken) == (0, broken)
    assert store.update(verify=True).broken == broken
    write_picture(photos / "c.jpg", 50)
    assert store.update().encoded == 1
    assert_equal(store.vectors(), expected(photos, "b.jpg", "dresses/long/0a.png"))


def test_new_changed_and_deleted_files_are_followed_and_others_not_opened(
    store, photos, monkeypatch
):
    shutil.copy(photos / "png.png", photos / "copy within a run.png")
    assert store.update().encoded == 11
    write_picture(photos / "new.png", 20)
    changed = write_picture(photos / "dresses/long/1.png", 21)
    shutil.copy(photos / "png.png", photos / "dresses/copy.png")
    (photos / "gif.gif").rename(photos / "renamed.gif")
    os.utime(photos / "webp.webp", (1, 1))  # touched
    (photos / "bmp.bmp").unlink()
    opened, read, encoder = [], indexing.read_photo, Drawn()
    monkeypatch.setattr(indexing, "read_photo", lambda *a: opened.append(a[1]) or read(*a))
    report = store.update(encoder=encoder)
    copies = ["dresses/copy.png", "renamed.gif", "webp.webp"]
    assert sorted(opened) == sorted(["dresses/long/1.png", "new.png", *copies])
    assert sorted(encoder.asked) == [str(changed), str(photos / "new.png")]
    assert (report.looked_into, report.encoded, report.dropped) == (5, 2, 2)
    assert report.counts["images"] == 13 and report.counts["unused_vectors"] == 2
    assert_equal(store.vectors(), expected(photos))
    report = store.update(verify=True, compact=True)
    assert (report.looked_into, report.encoded) == (13, 0)
    assert report.counts == {"images": 13, "broken": 0, "vectors": 11, "unused_vectors": 0}
    assert_equal(store.vectors(), expected(photos))


def test_verify_sees_a_change_that_kept_size_and_time(tmp_path, photos, run):
    path = write_picture(photos / "x.bmp", 30)
    index_of(tmp_path / "index", photos, run)
    times = path.stat()
    write_picture(path, 31)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size
    assert index_of(tmp_path / "index", photos, run).encoded == 0
    assert index_of(tmp_path / "index", photos, run, verify=True).encoded == 1
    assert_equal(vectors(tmp_path / "index"), expected(photos))


def test_compact_drops_what_was_deleted_and_joins_blocks(tmp_path, photos, run):
    index_of(tmp_path / "index", photos, run)
    for name in ("bmp.bmp", "gif.gif", "dresses/long/2.png"):
        (photos / name).unlink()
    index_of(tmp_path / "index", photos, run)
    write_picture(photos / "late.png", 40)
    report = index_of(tmp_path / "index", photos, run, compact=True)
    assert report.counts == {"images": 9, "broken": 0, "vectors": 9, "unused_vectors": 0}
    assert_equal(vectors(tmp_path / "index"), expected(photos))
    assert read_metadata(tmp_path / "index")["counts"] == report.counts
    blocks = [np.load(path) for path in (tmp_path / "index" / BLOCKS).iterdir()]
    assert sorted(map(len, blocks)) == [1, 4, 4]


def test_a_file_that_changes_while_it_is_read_gets_no_vector_of_other_bytes(store, photos):
    report = store.update(encoder=Drawn(webp=indexing.CHANGED))
    assert report.broken == [("webp.webp", indexing.CHANGED)]
    assert store.update().broken == []
    assert_equal(store.vectors(), expected(photos))


def test_odd_names_and_deep_folders_are_all_found(store, photos):
    deep = "/".join(f"level {n}" for n in range(20))
    names = [*ODD, " %s blank .png", "%41&amp;<b>\\b.png", f"{deep}/x.png"]
    for seed, name in enumerate(names):
        odd = write_picture(photos / name, seed)
    for number in range(300):
        shutil.copy(odd, photos / f"{number}.png")
    (photos / ".hidden.png").write_bytes(b"")
    shutil.copy(odd, os.fsencode(photos) + b"/\xff.png")
    report = store.update()
    assert report.broken == [("\\xff.png", "the name is not UTF-8")]
    assert len(store.vectors()) == 319 and set(names) <= set(store.vectors())


def test_links_that_leave_the_folder_are_not_followed(tmp_path, photos, run):
    outside = write_picture(tmp_path / "secret" / "s.png", 60)
    (photos / "link.png").symlink_to(outside)
    (photos / "gone.png").symlink_to(tmp_path / "nothing.png")
    (photos / "folder").symlink_to(tmp_path / "secret")
    (photos / "inside.png").symlink_to(photos / "png.png")
    report = index_of(tmp_path / "index", photos, run)
    assert report.skipped.links == 3 and report.counts["images"] == 12
    assert "inside.png" in vectors(tmp_path / "index")


def test_another_checkpoint_or_decoder_is_refused_by_name(store, tmp_path, run, monkeypatch):
    store.update()
    write_run(tmp_path / "weights", scale=1.1)
    made = rf"^{store.open().about['folder']}: made with .*model.ckpt-7, not with .*weights.*"
    with pytest.raises(InputError, match=rf"{made}\(other weights\)"):
        store.update(run=tmp_path / "weights")
    write_run(tmp_path / "config", as_published=True)
    with pytest.raises(InputError, match=r"\(other config\)"):
        store.update(run=tmp_path / "config")
    moved = shutil.copytree(run, tmp_path / "moved")  # the same run elsewhere is no other
    assert store.update(run=moved).encoded == 0
    monkeypatch.setattr(sources, "DECODER", "another")
    with pytest.raises(InputError, match=r"\(other decoder\); give another --index_dir"):
        store.update()
    assert len(store.vectors()) == 11


def test_a_second_writer_and_another_folder_are_refused(tmp_path, photos, run):
    index_of(tmp_path / "index", photos, run)
    with Writer(tmp_path / "index"):
        with pytest.raises(InputError, match="another process is writing"):
            index_of(tmp_path / "index", photos, run)
    with pytest.raises(InputError, match="no such folder"):
        index_of(tmp_path / "index", tmp_path / "nowhere", run)
    with pytest.raises(InputError, match="notes.txt.*: Not a directory"):
        index_of(photos / "notes.txt", photos, run)
    with pytest.raises(InputError, match="no index here"):
        FileIndex(photos / "notes.txt")


def test_features_that_are_not_finite_are_refused(tmp_path, photos, run):
    class Broken(Drawn):
        def files(self, paths, digests, done):
            return np.full((len(paths), 3), np.nan, np.float32), [""] * len(paths)

    with pytest.raises(InputError, match="not finite"):
        index_of(tmp_path / "index", photos, run, Broken())


SLOWLY = """
import sys, time
from catalogue import store
from tests.support.small_catalogue import Drawn, index_of
def pause(function):
    def slow(*arguments):
        time.sleep(0.02)
        result = function(*arguments)
        time.sleep(0.02)
        return result
    return slow
store.np.save = pause(store.np.save)
store.os.replace = pause(store.os.replace)
store.os.fsync = pause(store.os.fsync)
enter = store.Writer.__enter__
def entered(writer):
    print("started", flush=True)  # its tables are there
    return writer
store.Writer.__enter__ = lambda writer: entered(enter(writer))
index_of(*sys.argv[1:], Drawn(), block_rows=2)
"""


def test_ten_kills_then_one_run_leave_what_an_undisturbed_run_leaves(tmp_path, photos, run):
    for seed in range(40):
        write_picture(photos / "more" / f"{seed}.png", 100 + seed)
    (photos / "more/7.png").write_bytes(b"<html>")
    command = [sys.executable, "-c", SLOWLY, str(tmp_path / "killed"), str(photos), str(run)]
    rows = 0
    for kill in range(10):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout.readline() == b"started\n"
        time.sleep(0.1 + 0.04 * kill)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = vectors(tmp_path / "killed")  # a reader at any time sees some commit
        assert len(found) >= rows
        rows = len(found)
    assert rows > 2
    report = index_of(tmp_path / "killed", photos, run, block_rows=2)
    assert report.broken == [("more/7.png", "HTML or XML page")]
    assert_equal(vectors(tmp_path / "killed"), expected(photos, "more/7.png"))
    index_of(tmp_path / "calm", photos, run, block_rows=2)
    assert_equal(vectors(tmp_path / "killed"), vectors(tmp_path / "calm"))
    used = connect(tmp_path / "killed").execute("SELECT DISTINCT block FROM vectors").fetchall()
    assert len(list((tmp_path / "killed" / BLOCKS).iterdir())) == len(used)


def test_another_folder_or_one_that_is_not_mounted_empties_nothing(store, tmp_path, photos):
    store.update()
    before = store.vectors()
    with pytest.raises(InputError, match="made of .*photos, not of"):
        store.update(photos=photos / "dresses")
    photos.rename(tmp_path / "elsewhere")
    photos.mkdir()
    empty = f"holds no picture, but the {store.kind} does: .* mounted"
    with pytest.raises(InputError, match=empty):
        store.update(compact=True)
    assert_equal(store.vectors(), before)
    photos.rmdir()
    (tmp_path / "elsewhere").rename(photos)
    report = store.update()
    assert (report.encoded, report.dropped) == (0, 0)


def test_an_index_of_many_blocks_asks_for_as_many_open_files(tmp_path, photos, run, monkeypatch):
    index_of(tmp_path / "index", photos, run, block_rows=1)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = len(os.listdir("/proc/self/fd")) + 6, before[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, few)
        assert len(FileIndex(tmp_path / "index")) == len(expected(photos))
        resource.setrlimit(resource.RLIMIT_NOFILE, few)
        monkeypatch.setattr("catalogue.store.allow_open_blocks", lambda: None)
        with pytest.raises(InputError, match="--compact=True joins them"):
            FileIndex(tmp_path / "index")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_index_without_a_block_names_it(tmp_path, photos, run):
    index_of(tmp_path / "index", photos, run)
    (tmp_path / "index" / BLOCKS / "0000001.npy").unlink()
    with pytest.raises(InputError, match=r"blocks/0000001.npy: No such file"):
        vectors(tmp_path / "index")
