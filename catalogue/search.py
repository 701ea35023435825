"""A picture and a sentence -> the nearest pictures of a catalogue.

    from catalogue.search import Searcher
    answer = Searcher("index/photos").find("a.jpg", "is red with longer sleeves", top=10)
"""

import difflib
import hashlib
import time
from pathlib import Path
from typing import NamedTuple

from catalogue.file_index import FileIndex
from catalogue.opening import open_same
from command_line.errors import InputError
from datasets.image_files import read_content
from datasets.vocabulary import tokenize
from evaluation.ranking import distances

COPY_DISTANCE = 1e-2  # squared L2 below which two pictures count as copies; see README.md
LONGEST_TEXT = 500  # characters


class Result(NamedTuple):
    """One picture. copies: names of others with its bytes or nearer than COPY_DISTANCE to it,
    where copies are hidden."""

    number: int
    name: str
    distance: float
    copies: tuple[str, ...] = ()


class Answer(NamedTuple):
    """What a query found.

    more: there are results beyond these. unknown: {word the model has never seen: the nearest
    known one or ""}. left_out: the query's own names in the catalogue. seconds: of which part."""

    results: list[Result]
    more: bool
    unknown: dict[str, str]
    left_out: list[str]
    seconds: dict[str, float]


def unknown_words(text, known):
    """Words of a text that are not in known -> {word: the nearest known one or ""}."""
    words = dict.fromkeys(word for word in tokenize(text) if word not in known)
    near = {word: difflib.get_close_matches(word, known, 1, cutoff=0.7) for word in words}
    return {word: matches[0] if matches else "" for word, matches in near.items()}


class Searcher:
    """An index, and the model it was made with, held open between queries.

    index: the folder that index_catalogue.py made, or what has the methods of FileIndex.
    checkpoint_dir: where the run lies now, if not where it lay then; model: an export of it, to be
    used instead. Raises InputError as FileIndex and Encoding do, and for another model."""

    def __init__(self, index, checkpoint_dir="", model=""):
        self.index = FileIndex(index) if isinstance(index, (str, Path)) else index
        self._encoding = open_same(self.index.about, checkpoint_dir, model)
        self.known = dict.fromkeys(self._encoding.vocabulary.words[2:])

    def warm_up(self):
        """Makes the first query as fast as others."""
        self._encoding.warm_up()

    def refresh(self):
        """Takes the index as it is now, if it was written since it was opened."""
        self.index = self.index.newest()

    def find(self, image, text="", top=10, skip=0, within="", largest_distance=None,
             hide_copies=False, keep_query=False):  # fmt: skip
        """The pictures nearest to image, changed as text says -> Answer.

        image: path or bytes of a picture, which need not be in the catalogue; if it is, it is left
        out with its copies, unless keep_query. text: "" asks for the nearest by image alone.
        top, skip: results wanted, after how many. within: only names below this folder.
        largest_distance: squared L2, since a nearest neighbour always exists. hide_copies: one
        result for pictures that are copies. Raises InputError for no picture or too long a text."""
        start = time.perf_counter()
        if len(text) > LONGEST_TEXT:
            raise InputError(f"the text has {len(text):,} characters, at most {LONGEST_TEXT}")
        try:
            content = image if isinstance(image, bytes) else read_content(image)
            query = self._encoding.query(content, text)
        except InputError as error:
            place = "" if isinstance(image, bytes) else f"{image}: "
            raise InputError(f"{place}not a readable image ({error})") from None
        encoded = time.perf_counter()
        own = self.index.numbers_of(hashlib.sha256(content).hexdigest())
        ask = Ask(query, folder(within), () if keep_query else own, largest_distance, hide_copies)
        results = self._results(ask, skip + top + 1)
        now = time.perf_counter()
        return Answer(
            results[skip : skip + top],
            len(results) > skip + top,
            unknown_words(text, self.known),
            [self.index.name_of(number) for number in ask.without],
            {"encode": encoded - start, "search": now - encoded, "all": now - start},
        )

    def _results(self, ask, wanted):
        """At most `wanted` Results; asks for more images as long as copies hide too many."""
        count = wanted
        while True:
            found = self.index.nearest(ask.query, count, ask.within, ask.without)
            short = len(found) < count
            if ask.largest is not None:
                near = [image for image in found if image.distance <= ask.largest]
                found, short = near, short or len(near) < len(found)
            if not ask.hide_copies:
                return [Result(*image) for image in found]
            results = self._folded(found)
            if short or len(results) >= wanted:
                return results[:wanted]
            count *= 2

    def _folded(self, found):
        """Found, nearest first -> Results, each with the later ones that are its copies."""
        vectors = self.index.vectors([image.number for image in found])
        kept, copies = [], {}
        for place, image in enumerate(found):
            near = distances(vectors[place], vectors[kept]) if kept else ()
            same = next((k for k, d in zip(kept, near, strict=True) if d < COPY_DISTANCE), None)
            if same is None:
                kept.append(place)
                copies[place] = []
            else:
                copies[same].append(image.name)
        return [Result(*found[place], tuple(copies[place])) for place in kept]


class Ask(NamedTuple):
    """What is asked of an index."""

    query: object  # float32 [D]
    within: str
    without: tuple[int, ...]
    largest: float | None
    hide_copies: bool


def folder(within):
    """A folder as names begin with it: "" or "a/b/"."""
    within = within.strip().removeprefix("./").strip("/")
    return f"{within}/" if within and within != "." else ""
