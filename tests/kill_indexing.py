"""Kills processes that index a catalogue into one database, and compares what comes of it with an
undisturbed run's:

    python tests/kill_indexing.py [--kills=10] [--workers=3] [--images=600] [--seed=0]

Vectors must be equal, row by row; every broken image named once; no image encoded again by the
undisturbed processes, by the others none but those that a killed one had in hand. Needs
requirements-dev.txt, which brings a PostgreSQL.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

BATCH = 8
SECONDS = 0.004  # that an image takes
WORKER = """
import sys
from catalogue.database_indexing import update_database
from tests.kill_indexing import BATCH, Logged
database, photos, run, log = sys.argv[1:]
report = update_database(database, photos, Logged(log), run, batch=BATCH)
for name, reason in report.broken:
    print("broken:", name, reason)
"""


class Logged:
    """An encoder that is slow and writes down what it encodes, beside those of other processes."""

    def __init__(self, folder):
        self.path = Path(folder, f"{os.getpid()}.log")

    def __call__(self, checkpoint):
        from tests.support.small_catalogue import Drawn

        self.drawn = Drawn()
        return self.files

    def files(self, paths, digests, done):
        features, reasons = self.drawn.files(paths, digests, done)
        with open(self.path, "a") as file:
            good = [sha for sha, why in zip(digests, reasons, strict=True) if not why]
            file.write("".join(f"{sha}\n" for sha in good))
        time.sleep(SECONDS * len(paths))
        return features, reasons


def draw(folder, images):
    """Pictures in folders, every fourth one a copy of an earlier one, some broken -> the broken
    ones' names."""
    from tests.support.small_catalogue import write_picture

    for number in range(images):
        path = folder / f"{number % 7}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % 4 == 3:
            shutil.copy(folder / f"{(number // 2) % 7}" / f"{number // 2}.png", path)
        else:
            write_picture(path, number)
    broken = [f"{number % 7}/broken {number}.png" for number in range(max(4, images // 50))]
    for number, name in enumerate(broken):
        (folder / name).write_bytes(b"<html>%d" % number)
    return sorted(broken)


def start(database, photos, run, log):
    command = [sys.executable, "-c", WORKER, database, str(photos), str(run), str(log)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def disturb(database, photos, run, log, images, workers, kills, seed, say=print):
    """Keeps so many processes at work, one of which is killed so many times on the way."""
    import psycopg

    rng, at_work = random.Random(seed), [start(database, photos, run, log) for _ in range(workers)]
    with psycopg.connect(database, autocommit=True) as connection:
        for kill in range(kills):
            while rows(connection) < (kill + 0.5) * images / (kills + 1):
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.05))
            logs = {path.stem for path in log.iterdir()}
            busy = [one for one in at_work if one.poll() is None and str(one.pid) in logs]
            if not busy:
                raise RuntimeError("over before it was killed")
            victim = rng.choice(busy)
            victim.kill()
            victim.communicate()
            at_work.remove(victim)
            say(f"kill {kill + 1}: {rows(connection)} images stored")
            at_work.append(start(database, photos, run, log))
    for one in at_work:
        one.communicate()
    codes = [one.returncode for one in at_work]
    if any(codes):
        raise RuntimeError(f"exit codes {codes}")


def rows(connection):
    """Images stored so far, broken ones counted."""
    if not connection.execute("SELECT to_regclass('catalogue.files')").fetchone()[0]:
        return 0
    return connection.execute("SELECT count(*) FROM catalogue.files").fetchone()[0]


def stored(database):
    """[(path, sha-256, vector or reason)] of all images, in the order of names."""
    import psycopg

    query = """SELECT path, sha256, coalesce(feature::text, reason) FROM catalogue.files
               LEFT JOIN catalogue.vectors USING (sha256) ORDER BY path"""
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()


def survive(server, folder, run, kills=10, workers=3, images=600, seed=0, say=print):
    """Raises AssertionError for whatever is not as it must be."""
    photos, log, calm_log = folder / "photos", folder / "log", folder / "calm log"
    broken = draw(photos, images)
    log.mkdir()
    calm_log.mkdir()
    calm, killed = server.database(), server.database()
    disturb(calm, photos, run, calm_log, images, workers, 0, seed, say)
    disturb(killed, photos, run, log, images, workers, kills, seed, say)
    last = start(killed, photos, run, log)
    named = [line for line in last.communicate()[0].decode().splitlines() if "broken:" in line]
    assert named == [f"broken: {name} HTML or XML page" for name in broken]
    assert len(stored(calm)) == images + len(broken)
    assert stored(killed) == stored(calm)
    pictures = {hashlib.sha256(path.read_bytes()).hexdigest() for path in photos.rglob("*.png")}
    for place, most in ((calm_log, 0), (log, kills * BATCH)):
        encoded = [sha for path in place.iterdir() for sha in path.read_text().split()]
        again = len(encoded) - len(set(encoded))
        say(f"{place.name}: {len(list(place.iterdir()))} processes, {again} images encoded again")
        assert len(set(encoded)) == len(pictures) - len(broken) and again <= most


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("kills", 10), ("workers", 3), ("images", 600), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    flags = parser.parse_args()
    import catalogue  # noqa: F401 - before TensorFlow, which it quiets
    from tests.support.database_server import Server
    from tests.support.small_run import write_run

    with tempfile.TemporaryDirectory() as folder:
        server, folder = Server(), Path(folder)
        write_run(folder / "run")
        survive(server, folder, folder / "run", **vars(flags))
        server.close()
    print("equal")


if __name__ == "__main__":
    main()
