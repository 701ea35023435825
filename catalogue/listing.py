"""The pictures that a page begins with: a folder's, a sample or by name, or those with words."""

from typing import NamedTuple

import numpy as np

from catalogue.search import Result
from catalogue.table import find_words
from catalogue.trail import address

SHOWN, MOST_SHOWN = 24, 240  # pictures on a page


class Listing(NamedTuple):
    """Which of a folder's pictures, or of an answer's, a page shows. first: 1 is the nearest or the
    first by name; 0 stands for 1 in an answer, else for a sample of the folder. words: that its
    pictures have."""

    within: str = ""
    first: int = 0
    shown: int = SHOWN
    words: str = ""

    @property
    def skip(self):
        return max(self.first, 1) - 1

    def further(self):
        """More pictures on one page, or, where it is full, the next ones."""
        if self.shown < MOST_SHOWN:
            return self._replace(shown=min(self.shown + SHOWN, MOST_SHOWN))
        return self._replace(first=self.skip + 1 + self.shown)

    def address(self, steps=(), **more):
        return address(steps, words=self.words, within=self.within, n=self.shown,
                       **{"from": self.first}, **more)  # fmt: skip


class Beginning(NamedTuple):
    """Pictures to begin with. more, everything: addresses of more and of all by name, "" for none;
    count, missing: as find_words, None without words."""

    cards: list[Result]
    more: str
    everything: str = ""
    count: int | None = None
    missing: list[str] | None = None


def beginning(index, part):
    """-> Beginning. Raises InputError as find_words."""
    end, count, missing, everything = part.skip + part.shown, None, None, ""
    if part.words:
        numbers, count, missing = find_words(index, part.words, part.within, part.skip, part.shown)
        more = end < count
    else:
        size = index.size_of(part.within)
        if part.first:
            places, more = range(size)[part.skip : end], end < size
        else:
            places = np.unique(np.linspace(0, size - 1, part.shown).astype(int)) if size else []
            more = part.shown < min(size, MOST_SHOWN)
            if part.shown < size:
                everything = Listing(part.within, 1, MOST_SHOWN).address()
        numbers = index.numbers_at(places, part.within)
    said = index.said_of(numbers)
    cards = [Result(n, index.name_of(n), None, (), said.get(n, {})) for n in numbers]
    return Beginning(cards, part.further().address() if more else "", everything, count, missing)
