"""A catalogue in PostgreSQL, opened for search: stands in the place of a FileIndex.

Candidates come from pgvector's HNSW index over half-precision vectors and are ordered by the
float64 distance of the float32 ones. Where few images are asked for, or the index gives too few
because a filter is narrow, all that the filter leaves are compared instead: no answer is lost.
"""

import copy
import threading
from functools import cached_property

import numpy as np

from catalogue.database import Unavailable, connect, database_errors, place, read_metadata
from catalogue.file_index import Found
from catalogue.identity import require_same
from catalogue.photos import IndexedPhotos, Photo
from catalogue.vectors import EXACT, INSIDE, SPARE, approximate, bounds, compared
from command_line.errors import InputError
from evaluation.ranking import distances

SECONDS = 30  # of one statement
READING = {
    "statement_timeout": f"{SECONDS}s",
    "default_transaction_isolation": "repeatable read", "default_transaction_read_only": "on",
}  # fmt: skip
PLACES = 100_000  # names of a folder, in their order, that can be leafed through
NAMED = "f.sha256 IS NOT NULL"
NAMES = """
SELECT v.place, f.id, f.path FROM unnest(%(found)s::bytea[]) WITH ORDINALITY AS v (sha256, place)
CROSS JOIN LATERAL (
  SELECT id, path FROM catalogue.files f WHERE f.sha256 = v.sha256 AND {inside}
  ORDER BY path LIMIT %(count)s) f
"""


def storable(text):
    """Whether PostgreSQL can hold a text; no name that it can't hold is in a catalogue."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def size_of(connection, within, most):
    """How many images a folder has, at most `most`."""
    inside, values = INSIDE[bool(within)], {**bounds(within), "most": most}
    ask = f"SELECT FROM catalogue.files f WHERE {NAMED} AND {inside} LIMIT %(most)s"
    return connection.execute(f"SELECT count(*) FROM ({ask}) few", values).fetchone()[0]


def nearest(connection, query, count, within, without):
    """The answer of DatabaseIndex.nearest, in one transaction."""
    from pgvector import Vector

    asked, limits = Vector(query), bounds(within)
    own, wanted, rows = [], 2 * count + SPARE, []
    if without:
        own = "SELECT DISTINCT sha256 FROM catalogue.files f WHERE id = ANY (%s) AND " + NAMED
        own = [sha for (sha,) in connection.execute(own, (list(without),))]
    if size_of(connection, within, EXACT + 1) > EXACT:
        rows = approximate(connection, asked, wanted, limits, own)
    if len(rows) < wanted:
        rows = compared(connection, asked, wanted, limits, own)
    if not rows:
        return []
    far = distances(query, np.stack([vector.to_numpy() for _, vector in rows]))
    names = NAMES.format(inside=INSIDE[bool(within)])
    values = {**limits, "found": [sha for sha, _ in rows], "count": count}
    found = [
        Found(number, name, float(far[k - 1]))
        for k, number, name in connection.execute(names, values)
    ]
    return sorted(found, key=lambda image: (image.distance, image.name))[:count]


class DatabaseIndex(IndexedPhotos):
    """The methods of FileIndex, which says what they do, over a database. What other processes add
    is found at once.

    Threads have a connection each; one that broke, as when the server was started anew, is
    replaced. Raises InputError as connect does, and when there is no catalogue; each method raises
    Unavailable when PostgreSQL does not answer."""

    schema = "catalogue."

    def __init__(self, url):
        self._url, self._kept = url, threading.local()
        self.about = self._ask(read_metadata)

    def _ask(self, question):
        """question(connection), in one snapshot."""
        kept = getattr(self._kept, "connection", None)
        if kept is not None:
            try:
                with database_errors(place(kept)), kept.transaction():
                    return question(kept)
            except Unavailable:
                if not kept.closed:
                    raise
        connection = self._kept.connection = connect(self._url, **READING)
        with database_errors(place(connection)), connection.transaction():
            return question(connection)

    def _rows(self, ask, *values, **named):
        return self._ask(lambda connection: connection.execute(ask, named or values).fetchall())

    def newest(self):
        """This index, or one that knows what a run that has ended since then left. Raises
        InputError when the catalogue was made anew with another model."""
        about = self._ask(read_metadata)
        if about == self.about:
            return self
        require_same(about, self.about["checkpoint"], self.about["fingerprint"])
        newer = copy.copy(self)
        newer.about = about
        for name in ("folders", "has_words"):
            newer.__dict__.pop(name, None)
        return newer

    def __len__(self):
        """Images that can be found; above PLACES as the server last estimated."""
        few = self.size_of("", PLACES + 1)
        if few <= PLACES:
            return few
        estimate = "SELECT reltuples::bigint FROM pg_class WHERE oid = 'catalogue.files'::regclass"
        return max(few, self._rows(estimate)[0][0])

    def __contains__(self, number):
        return bool(self._rows(f"SELECT FROM catalogue.files f WHERE id = %s AND {NAMED}", number))

    def size_of(self, within, most=PLACES):
        """Images below a folder, at most `most`."""
        if not storable(within):
            return 0
        return self._ask(lambda connection: size_of(connection, within, most))

    def numbers_at(self, places, within=""):
        if not len(places) or not storable(within):
            return []
        places = [int(place) for place in places]
        ask = f"""SELECT id FROM (
            SELECT id, row_number() OVER (ORDER BY path) - 1 AS place FROM catalogue.files f
            WHERE {NAMED} AND {INSIDE[bool(within)]} ORDER BY path LIMIT %(most)s) numbered
            WHERE place = ANY (%(places)s) ORDER BY place"""
        rows = self._rows(ask, **bounds(within), most=max(places) + 1, places=places)
        return [number for (number,) in rows]

    def nearest(self, query, count, within="", without=()):
        if not storable(within):
            return []
        return self._ask(lambda connection: nearest(connection, query, count, within, without))

    def vectors(self, numbers):
        ask = """SELECT id, feature FROM catalogue.files JOIN catalogue.vectors USING (sha256)
                 WHERE id = ANY (%s)"""
        rows = self._ask(
            lambda connection: connection.cursor(binary=True).execute(ask, (numbers,)).fetchall()
        )
        found = {number: vector.to_numpy() for number, vector in rows}
        if missing := set(numbers).difference(found):
            raise InputError(f"no image {min(missing)} in this catalogue")
        rows = [found[number] for number in numbers]
        return np.stack(rows).astype(np.float32) if rows else np.empty((0, 0), np.float32)

    @cached_property
    def has_words(self):
        """Whether the catalogue knows what is said; one made by older code does after a run."""
        return self._rows("SELECT to_regclass('catalogue.partners') IS NOT NULL")[0][0]

    def told(self, ask, *values, **named):
        return self._rows(ask, *values, **named) if self.has_words else []

    def with_words(self, words, within, skip, top):
        """Of names as of the last complete run."""
        if not storable(within):
            return [], 0
        page = f"""WITH found AS MATERIALIZED (
              SELECT id, path FROM catalogue.said JOIN catalogue.files f ON f.id = file
              WHERE words @@ %(words)s::tsquery AND {NAMED} AND {INSIDE[bool(within)]})
            SELECT ARRAY (SELECT id FROM found ORDER BY path OFFSET %(skip)s LIMIT %(top)s),
              (SELECT count(*) FROM found)"""
        words = " & ".join(f"'{word}':*" for word in words)
        rows = self.told(page, **bounds(within), skip=skip, top=top, words=words)
        return rows[0] if rows else ([], 0)

    def has_word(self, word):
        ask = "SELECT FROM catalogue.said WHERE words @@ %s::tsquery LIMIT 1"
        return bool(self.told(ask, f"'{word}':*"))

    @cached_property
    def folders(self):
        """{folder of images, with `/` at its end: how many it holds itself}, sorted, as of the
        last complete run of index_catalogue.py."""
        return dict(self._rows("SELECT folders FROM catalogue.about")[0][0])

    def photo(self, number):
        ask = f"SELECT path, size, mtime_ns FROM catalogue.files f WHERE id = %s AND {NAMED}"
        if not (found := self._rows(ask, number)):
            raise InputError(f"no image {number} in this catalogue")
        return Photo(*found[0])

    def number_of(self, name):
        ask = f"SELECT id FROM catalogue.files f WHERE path = %s AND {NAMED}"
        found = self._rows(ask, name) if storable(name) else []
        return found[0][0] if found else None

    def numbers_of(self, sha256):
        ask = "SELECT id FROM catalogue.files WHERE sha256 = %s ORDER BY path"
        return [number for (number,) in self._rows(ask, bytes.fromhex(sha256))]
