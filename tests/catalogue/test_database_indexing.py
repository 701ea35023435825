"""A catalogue in a real PostgreSQL follows its folder, whoever works on it or is killed."""

import pytest
from numpy.testing import assert_equal

psycopg = pytest.importorskip("psycopg")

from command_line.errors import InputError  # noqa: E402 - after the skip
from tests import kill_indexing  # noqa: E402
from tests.support.database_server import PASSWORD, update, vectors  # noqa: E402
from tests.support.small_catalogue import Drawn, expected, write_picture  # noqa: E402


def test_folders_that_come_to_an_empty_one_are_counted(database, tmp_path, run):
    (tmp_path / "photos").mkdir()
    update(database, tmp_path / "photos", run)
    write_picture(tmp_path / "photos/tops/a.png", 0)
    update(database, tmp_path / "photos", run)
    with psycopg.connect(database) as connection:
        (folders,) = connection.execute("SELECT folders FROM catalogue.about").fetchone()
    assert folders == [["tops/", 1]]


def test_a_name_that_is_too_long_is_named(database, photos, run):
    long = "/".join(["n" * 250] * 11) + "/x.png"
    write_picture(photos / long, 30)
    assert update(database, photos, run).broken == [(long, "the name has over 2,500 bytes")]
    assert_equal(vectors(database), expected(photos, long))


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
    assert_equal(vectors(database), expected(photos))
