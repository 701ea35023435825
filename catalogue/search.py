"""A picture and a sentence -> the nearest pictures of a catalogue.

    from catalogue.search import Searcher
    answer = Searcher("index/photos").find("a.jpg", "is red with longer sleeves", top=10)
"""

import difflib
import hashlib
import threading
import time
import unicodedata
from pathlib import Path
from typing import NamedTuple

from catalogue.copies import fold
from catalogue.file_index import FileIndex
from catalogue.opening import open_same
from command_line.errors import InputError
from datasets.image_files import read_content
from datasets.vocabulary import tokenize

COPY_DISTANCE = 1e-2  # squared L2 below which two pictures count as copies; see README.md
LONGEST_TEXT = 500  # characters
FOLDED = 10_000  # nearest images that are looked through to hide copies, if no more are asked for
COMPARED = 2_000  # folders that one which isn't there is compared with
SUGGESTED = 10  # unknown words that get a known one; each is compared with the whole vocabulary


class Late(Exception):
    """A search took longer than it may."""


class Result(NamedTuple):
    """One picture. distance: None where none is asked for. copies: names of others with its bytes
    or nearer than COPY_DISTANCE to it, where copies are hidden. about: {column: text} of the
    catalogue's table."""

    number: int
    name: str
    distance: float | None
    copies: tuple[str, ...] = ()
    about: dict = {}


class Answer(NamedTuple):
    """What a query found.

    more: there are results beyond these. unknown: {word the model has never seen: the nearest
    known one or ""}. beyond: words that do not count, being more than the model reads. left_out:
    the query's own names in the catalogue. cut: copies were looked for among the FOLDED nearest
    images only, so that there may be more results. seconds: of which part."""

    results: list[Result]
    more: bool
    unknown: dict[str, str]
    beyond: list[str]
    left_out: list[str]
    cut: bool
    seconds: dict[str, float]


def unknown_words(words, known):
    """Words that are not in known -> {word: the nearest known one or ""}, for SUGGESTED of them."""
    unknown = dict.fromkeys((word for word in words if word not in known), "")
    for word in list(unknown)[:SUGGESTED]:
        unknown[word] = next(iter(difflib.get_close_matches(word, known, 1, cutoff=0.7)), "")
    return unknown


class Searcher:
    """An index, and the model it was made with, held open between queries.

    index: the folder that index_catalogue.py made, or what has the methods of FileIndex.
    checkpoint_dir: where the run lies now, if not where it lay then; model: an export of it, to be
    used instead. most_megapixels: of a picture, by default as for the index. Raises InputError as
    FileIndex and Encoding do, and for another model."""

    def __init__(self, index, checkpoint_dir="", model="", most_megapixels=None):
        self.index = FileIndex(index) if isinstance(index, (str, Path)) else index
        about = self.index.about
        self.most_megapixels = most_megapixels or about["most_megapixels"]
        self._encoding = open_same(about, checkpoint_dir, model, self.most_megapixels)
        self._refreshing = threading.Lock()
        self.known = dict.fromkeys(self._encoding.vocabulary.words[2:])

    def warm_up(self):
        """Makes the first query as fast as others."""
        self._encoding.warm_up()

    def refresh(self):
        """Takes the index as it is now, if it was written since it was opened. Raises InputError as
        FileIndex does; the old one stays. While one thread does this, others go on with the old."""
        if self._refreshing.acquire(blocking=False):
            try:
                self.index = self.index.newest()
            finally:
                self._refreshing.release()

    def find(self, image, text="", top=10, skip=0, within="", largest_distance=None,
             hide_copies=False, keep_query=False, seconds=float("inf")):  # fmt: skip
        """The pictures nearest to image, changed as text says -> Answer.

        image: path or bytes of a picture, which need not be in the catalogue; if it is, it is left
        out with its copies, unless keep_query. text: "" asks for the nearest by image alone.
        top, skip: results wanted, after how many. within: only names below this folder.
        largest_distance: squared L2, since a nearest neighbour always exists. hide_copies: one
        result for pictures that are copies. Raises InputError for no picture, too long a text or
        no such folder, Late where it is not done after so many seconds."""
        index, start = self.index, time.perf_counter()  # another thread may refresh
        if len(text) > LONGEST_TEXT:
            raise InputError(f"the text has {len(text):,} characters, at most {LONGEST_TEXT}")
        text = text if tokenize(text) else ""  # blanks and signs: no sentence
        within = require_folder(index, within)
        try:
            content = image if isinstance(image, bytes) else read_content(image)
            query = self._encoding.query(content, text)
        except InputError as error:
            place = "" if isinstance(image, bytes) else f"{image}: "
            raise InputError(f"{place}not a readable image ({error})") from None
        encoded = time.perf_counter()
        own = () if keep_query else index.numbers_of(hashlib.sha256(content).hexdigest())

        def check():
            if time.perf_counter() > start + seconds:
                raise Late

        results, cut = results_of(
            index, lambda count: index.nearest(query, count, within, own), skip + top + 1,
            largest_distance, hide_copies, check,
        )  # fmt: skip
        said = index.said_of([result.number for result in results[skip : skip + top]])
        results = [result._replace(about=said.get(result.number, {})) for result in results]
        words, read = tokenize(text), self._encoding.longest
        now = time.perf_counter()
        return Answer(
            results[skip : skip + top],
            len(results) > skip + top,
            unknown_words(words[:read], self.known),
            words[read:],
            [index.name_of(number) for number in own],
            cut,
            {"encode": encoded - start, "search": now - encoded, "all": now - start},
        )


def results_of(index, nearest, wanted, largest, hide_copies, check):
    """At most `wanted` Results, and whether FOLDED images were not enough for them; asks for more
    images as long as copies hide too many. nearest: function (count) -> so many Found at most;
    check: raises Late when it is too late."""
    count, most = wanted, max(wanted, FOLDED)

    def vectors(images):
        return index.vectors([image.number for image in images])

    while True:
        check()
        near = nearest(count)
        found = [image for image in near if largest is None or image.distance <= largest]
        if not hide_copies:
            return [Result(*image) for image in found], False
        groups = fold(found, vectors, COPY_DISTANCE, wanted, check)
        enough = len(found) < count or len(groups) >= wanted
        if enough or count == most:
            results = [
                Result(*found[first], tuple(found[place].name for place in copies))
                for first, copies in groups
            ]
            return results, not enough
        count = min(2 * count, most)


def folder(within):
    """A folder as names begin with it: "" or "a/b/"."""
    within = within.removeprefix("./").strip("/")
    return f"{within}/" if within and within != "." else ""


def require_folder(index, within):
    """A folder as names begin with it. Raises InputError, naming the nearest, for an empty one."""
    within = folder(within)
    if not within or index.numbers_at([0], within):
        return within
    # Of very many, those of much the same length: comparing takes its time.
    folders = sorted(index.folders, key=lambda folder: abs(len(folder) - len(within)))[:COMPARED]
    parents = {"/".join(f.split("/")[: n + 1]) + "/" for f in folders for n in range(f.count("/"))}
    alike = {plain(folder): folder for folder in sorted(parents)}
    near = difflib.get_close_matches(plain(within), alike, 1)
    what = f"no folder {within!r} in this catalogue"
    if not near:
        raise InputError(what)
    form = unicodedata.normalize("NFC", within) == unicodedata.normalize("NFC", alike[near[0]])
    how = " (the same letters in another Unicode form)" if form else ""
    raise InputError(f"{what}; nearest: {alike[near[0]]!r}{how}")


def plain(name):
    """A name without what other systems change about it: case and Unicode form."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
