"""An index folder as it lies on disk, and the one process that may write to it.

<index_dir>/
  index.json            what made it, of which folder, how many of what
  rows.sqlite           files (path, size, mtime, sha-256, status, reason) and, by sha-256, the
                        block and row of each vector: copies of a file share one; what a table says
  blocks/<number>.npy   float32 [n, D], written once and never changed

A block is written whole; one SQLite commit then makes its rows count. So a block that no row names
is a leftover of a kill and ignored, one that is named and missing is an error, and a reader sees
the state of some commit, never half of one.
"""

import contextlib
import errno
import os
import re
import resource
import sqlite3
from pathlib import Path

import numpy as np

from catalogue.table import entries
from command_line.errors import InputError
from command_line.files import lock_folder, whole_file, write_json
from datasets.released_files import read_json

FORMAT = 1
ABOUT, ROWS, BLOCKS = "index.json", "rows.sqlite", "blocks"
OPEN_BLOCKS = 32_768  # at most; each that is mapped holds a file open
PATIENCE = 30.0  # seconds to wait for another process's commit
SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
  sha256 TEXT PRIMARY KEY, block INTEGER NOT NULL, row INTEGER NOT NULL,
  half_square REAL NOT NULL  -- |vector|^2 / 2, which every search needs
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given to another path
  path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  sha256 TEXT, status TEXT NOT NULL CHECK (status IN ('ok', 'broken')), reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS files_of_vector ON files (sha256);
CREATE TABLE IF NOT EXISTS said (file INTEGER PRIMARY KEY, said TEXT NOT NULL);  -- JSON
CREATE TABLE IF NOT EXISTS partners (  -- as table.Entry
  file INTEGER NOT NULL, place INTEGER NOT NULL, value TEXT NOT NULL, others INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS partners_of_file ON partners (file);
CREATE INDEX IF NOT EXISTS partners_of_others ON partners (place, others, value);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, prefix='1 2 3');  -- rowid: of the file
CREATE TEMP TABLE found (
  path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
"""
USED = "SELECT sha256 FROM files WHERE status = 'ok'"
COUNTS = f"""
SELECT count(*) FILTER (WHERE status = 'ok'), count(*) FILTER (WHERE status = 'broken'),
  (SELECT count(*) FROM vectors), (SELECT count(*) FROM vectors WHERE sha256 NOT IN ({USED}))
FROM files
"""


@contextlib.contextmanager
def rows_errors(folder):
    """What SQLite says becomes an InputError naming the file."""
    try:
        yield
    except sqlite3.Error as error:
        hint = "; import catalogue before tensorflow" if "fts5" in str(error) else ""
        raise InputError(f"{Path(folder, ROWS)}: {error}{hint}") from None


def block_path(folder, number):
    return Path(folder, BLOCKS, f"{number:07d}.npy")


def read_metadata(folder):
    """index.json. Raises InputError when the folder holds no index of this FORMAT."""
    path = Path(folder, ABOUT)
    if not path.exists():
        raise InputError(f"{folder}: no index here; index_catalogue.py makes one")
    about = read_json(path, dict)
    if about.get("format") != FORMAT:
        raise InputError(f"{path}: format {about.get('format')}, this code reads {FORMAT}")
    return {**about, "folder": str(folder)}


def connect(folder):
    """To the rows of an index, for reading. Raises InputError when they are not there."""
    path = Path(folder, ROWS).resolve()
    if not path.exists():
        raise InputError(f"{path}: not there; make the index anew")
    # Not mode=ro: after a killed commit the first to open has to roll it back.
    return sqlite3.connect(f"{path.as_uri()}?mode=rw", PATIENCE, uri=True, check_same_thread=False)


class Writer:
    """The one writer of an index folder; a context manager. Raises InputError when there is one."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def __enter__(self):
        try:
            (self.folder / BLOCKS).mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(self.folder)
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}; no place for an index") from None
        with rows_errors(self.folder):
            self.rows = sqlite3.connect(self.folder / ROWS, PATIENCE)
            self.rows.executescript(SCHEMA)
            self._remove_leftovers()
        return self

    def __exit__(self, *failure):
        self.rows.close()
        self._lock.close()

    def describe(self, about):
        """Writes index.json."""
        about = {name: value for name, value in about.items() if name != "folder"}
        write_json(self.folder / ABOUT, {"format": FORMAT, **about})

    def _remove_leftovers(self):
        counted = {number for (number,) in self.rows.execute("SELECT block FROM vectors")}
        for path in (self.folder / BLOCKS).iterdir():
            ours = re.fullmatch(r"(\d{7})\.npy(\.\d+-\d+\.part)?", path.name)
            if ours and (ours[2] or int(ours[1]) not in counted):
                path.unlink()

    def next_block(self):
        """A number that no row names."""
        last = "SELECT coalesce(max(block), -1) FROM vectors"
        return self.rows.execute(last).fetchone()[0] + 1

    def write_block(self, number, features):
        """features: float32 [n, D], finite. On disk when this returns, but no row names it yet."""
        with whole_file(block_path(self.folder, number), "wb") as file:
            np.save(file, features)
            file.flush()
            os.fsync(file.raw.fileno())

    def keep_said(self, said, root, anew):
        """Keeps what a table and their names say of the pictures there are, of new ones alone
        unless anew -> of how many the table says something."""
        new = """SELECT id, path FROM files
                 WHERE status = 'ok' AND (? OR id NOT IN (SELECT file FROM said))"""
        new = list(entries(said, root, self.rows.execute(new, (anew,)).fetchall()))
        self.rows.execute("PRAGMA cache_spill = off")  # nobody waits before it is all there
        with self.rows:
            for table, number in (("said", "file"), ("partners", "file"), ("words", "rowid")):
                stays = "SELECT id FROM files WHERE status = 'ok' AND NOT ?"
                self.rows.execute(f"DELETE FROM {table} WHERE {number} NOT IN ({stays})", (anew,))
            self.rows.executemany("INSERT INTO said VALUES (?, ?)", [entry[:2] for entry in new])
            add = "INSERT INTO words (rowid, text) VALUES (?, ?)"
            self.rows.executemany(add, [(number, " ".join(words)) for number, _, words, _ in new])
            partners = [(number, *partner) for number, *_, own in new for partner in own]
            self.rows.executemany("INSERT INTO partners VALUES (?, ?, ?, ?)", partners)
            (count,) = self.rows.execute("SELECT count(*) FROM said WHERE said != '{}'").fetchone()
        return count

    def counts(self):
        """What the index holds -> {"images", "broken", "vectors", "unused_vectors"}."""
        names = ("images", "broken", "vectors", "unused_vectors")
        return dict(zip(names, self.rows.execute(COUNTS).fetchone(), strict=True))

    def compact(self, block_rows):
        """Writes the vectors in use to new blocks, full ones, and drops all others."""
        used = f"FROM vectors WHERE sha256 IN ({USED}) ORDER BY block, row"
        places = self.rows.execute(f"SELECT sha256, block, row {used}").fetchall()
        number, moved = self.next_block(), []
        for start in range(0, len(places), block_rows):
            part = places[start : start + block_rows]
            self.write_block(number, read_vectors(self.folder, [p[1:] for p in part]))
            moved += [(number, row, sha) for row, (sha, _, _) in enumerate(part)]
            number += 1
        with self.rows:  # the copying is done: nobody waits for it
            self.rows.executemany("UPDATE vectors SET block = ?, row = ? WHERE sha256 = ?", moved)
            self.rows.execute(f"DELETE FROM vectors WHERE sha256 NOT IN ({USED})")
        self._remove_leftovers()


def allow_open_blocks():
    """Raises the number of files this process may have open, often 1,024 without asking."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_BLOCKS if most == resource.RLIM_INFINITY else min(OPEN_BLOCKS, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def open_block(folder, number):
    """Block -> float32 [n, D], mapped into memory. Raises InputError naming one that is gone."""
    path = block_path(folder, number)
    allow_open_blocks()
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if getattr(error, "errno", None) == errno.EMFILE:
            raise InputError(
                f"{folder}: more blocks than this process may have files open (ulimit -n); "
                "index_catalogue.py --compact=True joins them"
            ) from None
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: {reason}; make the index anew") from None


def read_vectors(folder, places):
    """[(block, row)] in the order of blocks -> float32 [n, D]."""
    blocks = {number: open_block(folder, number) for number in dict.fromkeys(p[0] for p in places)}
    return np.stack([blocks[number][row] for number, row in places])
