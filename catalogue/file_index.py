"""An index folder, opened for search: what store.py and indexing.py wrote, as of one commit."""

import os
import threading
from bisect import bisect_left
from collections import Counter
from functools import cached_property
from itertools import accumulate, groupby
from typing import NamedTuple

import numpy as np

from catalogue.identity import require_same
from catalogue.photos import IndexedPhotos, Photo
from catalogue.store import ABOUT, connect, open_block, read_metadata, rows_errors
from command_line.errors import InputError
from evaluation.open_gallery import OpenGallery

FILES = """
SELECT id, path, size, mtime_ns, block, row FROM files JOIN vectors USING (sha256)
WHERE status = 'ok' ORDER BY path
"""
DIGEST = "V32"  # the bytes of a sha-256


class Found(NamedTuple):
    """One name of the catalogue. distance: squared L2 of its vector to the query's."""

    number: int  # of the file in the index; never another file's
    name: str  # path below the catalogue's folder, with `/`
    distance: float


def written(index_dir):
    """When index.json was last written, which ends each run; None without one."""
    try:
        return os.stat(os.path.join(index_dir, ABOUT)).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None


class FileIndex(IndexedPhotos):
    """Images in the order of their names; copies of one share a vector.

    Raises InputError when there is no index, or a block of it is gone. Its methods are what a
    Searcher and the page need; any other store with the same methods may stand in its place."""

    def __init__(self, index_dir):
        self._written = written(index_dir)
        self.about = read_metadata(index_dir)
        with rows_errors(index_dir):
            try:
                self._open(index_dir)
            except InputError:  # --compact=True may have replaced blocks in between
                self._open(index_dir)

    def _open(self, index_dir):
        connection = connect(index_dir)
        with connection:  # one transaction: all of one commit
            connection.execute("BEGIN")
            vectors = connection.execute(
                "SELECT block, sha256, half_square FROM vectors ORDER BY block, row"
            ).fetchall()
            files = connection.execute(FILES).fetchall()
            there = "SELECT count(*) FROM sqlite_master WHERE name IN ('said', 'words', 'partners')"
            self.has_words = connection.execute(there).fetchone() == (3,)  # an older index has none
        self._connection, self._turn = connection, threading.Lock()
        blocks = {number: len(list(rows)) for number, rows in groupby(vectors, lambda row: row[0])}
        starts = dict(zip(blocks, accumulate(blocks.values(), initial=0), strict=False))
        blocks = [open_block(index_dir, number) for number in blocks]
        self._gallery = OpenGallery(blocks, np.array([half for *_, half in vectors]))
        digests = b"".join(bytes.fromhex(sha256) for _, sha256, _ in vectors)
        self._digests = np.frombuffer(digests, DIGEST)  # of each column
        self._numbers = np.array([file[0] for file in files], np.int64)
        self.names = [file[1] for file in files]
        self._stats = np.array([file[2:4] for file in files], np.int64).reshape(-1, 2)
        columns = [starts[block] + row for *_, block, row in files]
        self._column = np.array(columns, np.int64)  # of each file
        self._by_column = np.argsort(self._column, kind="stable")
        self._ordered = self._column[self._by_column]
        self._place = {number: place for place, number in enumerate(self._numbers.tolist())}

    def newest(self):
        """This index, or, if a run has ended since it was opened, what that left. Raises
        InputError when it was made anew with another model."""
        folder = self.about["folder"]
        if written(folder) == self._written:
            return self
        newer = FileIndex(folder)
        require_same(newer.about, self.about["checkpoint"], self.about["fingerprint"])
        return newer

    def __len__(self):
        """Images that can be found."""
        return len(self.names)

    def __contains__(self, number):
        return number in self._place

    def size_of(self, within):
        """How many images are below a folder, "dresses/", or in all, ""."""
        first, end = self._range_of(within)
        return end - first

    def numbers_at(self, places, within=""):
        """Numbers of the images at some places among those of a folder, in the order of names."""
        first, end = self._range_of(within)
        places = [first + place for place in places if first + place < end]
        return self._numbers[places].tolist() if places else []

    def nearest(self, query, count, within="", without=()):
        """The nearest images of query [D], ties by name -> at most `count` Found.

        within: of a folder, "dresses/"; without: numbers of images, whose copies go with them."""
        first, end = self._range_of(within)
        allowed = np.zeros(len(self._gallery.constants), bool)
        allowed[self._column[first:end]] = True
        allowed[self._column[[self._place[number] for number in without]]] = False
        columns, distances = self._gallery.nearest(query, count, allowed)
        places, of = self._places(columns)
        inside = (places >= first) & (places < end)
        places, distances = places[inside], distances[of[inside]]
        order = np.lexsort((places, distances))[:count]
        names = [(int(self._numbers[place]), self.names[place]) for place in places[order]]
        return [Found(*name, float(far)) for name, far in zip(names, distances[order], strict=True)]

    def _places(self, columns):
        """Files of some columns -> (place of each, which of the columns it has)."""
        first = np.searchsorted(self._ordered, columns, "left")
        counts = np.searchsorted(self._ordered, columns, "right") - first
        of = np.repeat(np.arange(len(columns)), counts)
        within_run = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._by_column[first[of] + within_run], of

    def vectors(self, numbers):
        """Vectors of some images -> float32 [n, D]."""
        return self._gallery.vectors(self._column[[self._place[number] for number in numbers]])

    def _range_of(self, within):
        """Names of a folder, first and end; of "" all. They stand together, being sorted."""
        if not within:
            return 0, len(self.names)
        return bisect_left(self.names, within), bisect_left(self.names, within[:-1] + "0")

    def told(self, ask, *values):
        with self._turn, rows_errors(self.about["folder"]):
            return self._connection.execute(ask, values).fetchall() if self.has_words else []

    def with_words(self, words, within, skip, top):
        """Images of a folder of which all words, or the beginnings of longer ones, are said, in the
        order of names -> (numbers of `top` after `skip`, how many there are)."""
        first, end = self._range_of(within)
        match = " AND ".join(f'"{word}"*' for word in words)
        found = self.told("SELECT rowid FROM words WHERE words MATCH ?", match)
        inside = np.isin(self._numbers[first:end], np.array(found, np.int64).ravel())
        places = first + np.flatnonzero(inside)
        return self._numbers[places[skip : skip + top]].tolist(), len(places)

    def has_word(self, word):
        """Whether it is said of any image."""
        return bool(self.told("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", f'"{word}"*'))

    @cached_property
    def folders(self):
        """{folder of images, with `/` at its end: how many it holds itself}, sorted."""
        counts = Counter(name[: name.rfind("/") + 1] for name in self.names)
        return dict(sorted(counts.items()))

    def photo(self, number):
        if number not in self._place:
            raise InputError(f"no image {number} in this catalogue")
        place = self._place[number]
        return Photo(self.names[place], *self._stats[place].tolist())

    def number_of(self, name):
        """None for a name that is no image's."""
        place = bisect_left(self.names, name)
        here = self.names[place : place + 1] == [name]
        return int(self._numbers[place]) if here else None

    def numbers_of(self, sha256):
        """Numbers of the images whose files had these bytes when they were indexed."""
        column = np.flatnonzero(self._digests == np.void(bytes.fromhex(sha256)))
        return self.numbers_at(self._places(column)[0])
