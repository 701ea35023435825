"""A catalogue in a real PostgreSQL follows its folder, whoever works on it or is killed."""

import os
import shutil

import numpy as np
import pytest

psycopg = pytest.importorskip("psycopg")

from catalogue import database_indexing, indexing  # noqa: E402 - after the skip
from command_line.errors import InputError  # noqa: E402
from tests import kill_indexing  # noqa: E402
from tests.catalogue.test_indexing import expected  # noqa: E402
from tests.support.database_server import PASSWORD  # noqa: E402
from tests.support.small_catalogue import Drawn, write_picture  # noqa: E402


def update(database, photos, run, encoder=None, batch=4, **options):
    return database_indexing.update_database(
        database, photos, encoder or Drawn(), run, batch=batch, say=lambda line: None, **options
    )


def vectors(database):
    """{path: vector}, read without the code under test."""
    query = """SELECT path, feature::real[]
               FROM catalogue.files JOIN catalogue.vectors USING (sha256)"""
    with psycopg.connect(database) as connection:
        return {path: np.array(v, np.float32) for path, v in connection.execute(query)}


def assert_holds(database, wanted):
    found = vectors(database)
    assert sorted(found) == sorted(wanted)
    for name, vector in wanted.items():
        assert np.array_equal(found[name], vector), name


def test_names_have_the_vectors_of_their_pictures_and_broken_ones_their_reason(
    database, photos, run
):
    (photos / "dresses/long/0a.png").write_bytes(b"<html>404</html>")
    (photos / "b.jpg").write_bytes(b"")
    broken = [("b.jpg", "empty file"), ("dresses/long/0a.png", "HTML or XML page")]
    report = update(database, photos, run)
    assert (report.looked_into, report.encoded, report.broken) == (13, 11, broken)
    assert report.counts == {"images": 11, "broken": 2, "vectors": 11, "unused_vectors": 0}
    assert_holds(database, expected(photos, "b.jpg", "dresses/long/0a.png"))
    again = update(database, photos, run)
    assert (again.looked_into, again.broken) == (0, broken)


def test_new_changed_and_deleted_files_are_followed_and_others_not_opened(
    database, photos, run, monkeypatch
):
    shutil.copy(photos / "png.png", photos / "copy.png")
    assert update(database, photos, run).encoded == 11
    write_picture(photos / "new.png", 20)
    write_picture(photos / "dresses/long/1.png", 21)
    shutil.copy(photos / "png.png", photos / "dresses/copy.png")
    (photos / "gif.gif").rename(photos / "renamed.gif")
    (photos / "bmp.bmp").unlink()
    opened, read = [], indexing.read_photo
    monkeypatch.setattr(indexing, "read_photo", lambda *a: opened.append(a[1]) or read(*a))
    report = update(database, photos, run)
    assert sorted(opened) == ["dresses/copy.png", "dresses/long/1.png", "new.png", "renamed.gif"]
    assert (report.encoded, report.dropped) == (2, 2)
    assert report.counts["unused_vectors"] == 2
    assert_holds(database, expected(photos))
    report = update(database, photos, run, verify=True, compact=True)
    assert (report.looked_into, report.encoded) == (13, 0)
    assert report.counts == {"images": 13, "broken": 0, "vectors": 11, "unused_vectors": 0}
    assert_holds(database, expected(photos))


def test_folders_that_come_to_an_empty_one_are_counted(database, tmp_path, run):
    (tmp_path / "photos").mkdir()
    update(database, tmp_path / "photos", run)
    write_picture(tmp_path / "photos/tops/a.png", 0)
    update(database, tmp_path / "photos", run)
    with psycopg.connect(database) as connection:
        (folders,) = connection.execute("SELECT folders FROM catalogue.about").fetchone()
    assert folders == [["tops/", 1]]


def test_a_file_that_changes_while_it_is_read_is_tried_again(database, photos, run):
    class Changing(Drawn):
        def files(self, paths, digests, done):
            features, reasons = super().files(paths, digests, done)
            return features, [indexing.CHANGED if "webp" in p else "" for p in paths]

    assert update(database, photos, run, Changing()).broken == [("webp.webp", indexing.CHANGED)]
    assert update(database, photos, run).broken == []
    assert_holds(database, expected(photos))


def test_odd_names_are_all_found(database, tmp_path, run, monkeypatch):
    photos = tmp_path / "photos"
    odd = ["ünï 画像.png", "quo\"te's.png", "new\nline.png", " %s blank .png", "%41&amp;\\b.png"]
    for seed, name in enumerate([*odd, "/".join(f"level {n}" for n in range(20)) + "/x.png"]):
        write_picture(photos / name, seed)
    long = "/".join(["n" * 250] * 11) + "/x.png"
    write_picture(photos / "x.png", 30)
    monkeypatch.chdir(photos)  # a path that long can't be opened from /
    for part in long.split("/")[:-1]:
        os.mkdir(part)
        os.chdir(part)
    shutil.copy(photos / "x.png", "x.png")
    report = update(database, photos, run)
    assert report.broken == [(long, "the name has over 2,500 bytes")]
    assert len(vectors(database)) == 7 and set(odd) <= set(vectors(database))


def test_another_checkpoint_or_folder_is_refused_by_name(database, tmp_path, photos, run):
    update(database, photos, run)
    with pytest.raises(InputError, match="made of .*photos, not of"):
        update(database, photos / "dresses", run)
    photos.rename(tmp_path / "away")
    photos.mkdir()
    with pytest.raises(InputError, match="holds no picture, but the database does"):
        update(database, photos, run)
    with psycopg.connect(database) as connection:
        connection.execute("""UPDATE catalogue.about
                              SET about = jsonb_set(about, '{fingerprint,weights}', '"others"')""")
    made = r"^database shop_.*: made with .*model.ckpt-7, not with .*model.ckpt-7 \(other weights\)"
    with pytest.raises(InputError, match=made):
        update(database, photos, run)
    assert len(vectors(database)) == 11


def test_three_processes_share_the_work_and_a_killed_one_gives_its_images_back(
    server, tmp_path, run
):
    kill_indexing.survive(server, tmp_path, run, kills=2, images=160)


def test_a_server_that_stops_is_one_line_and_the_next_run_goes_on(server, photos, run):
    database = server.database()

    class Stopping(Drawn):
        def files(self, paths, digests, done):
            if len(self.asked) >= 4:
                server.stop()
            return super().files(paths, digests, done)

    with pytest.raises(InputError, match="^database shop_.*: .*terminating connection") as raised:
        update(database, photos, run, Stopping())
    assert "\n" not in str(raised.value) and PASSWORD not in str(raised.value)
    with pytest.raises(InputError, match="^--database: .*No such file or directory"):
        update(database, photos, run)
    server.start()
    assert len(vectors(database)) == 4
    assert update(database, photos, run).encoded == 7
    assert_holds(database, expected(photos))
