"""The pictures that a page begins with: a folder's, a sample or by name, or those with words."""

from typing import NamedTuple

import numpy as np

from catalogue.table import find_words
from catalogue.trail import Step, address

SHOWN, MOST_SHOWN = 24, 240  # pictures on a page


class Card(NamedTuple):
    """A picture on the page. link: of the page that goes on from it."""

    picture: str
    name: str
    link: str
    about: dict
    distance: float | None = None
    copies: tuple[str, ...] = ()


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

    cards: list[Card]
    more: str
    everything: str = ""
    count: int | None = None
    missing: list[str] | None = None


def beginning(index, part):
    """-> Beginning. Raises InputError as find_words."""
    if part.words:
        asked = (part.words, part.within, part.skip, part.shown)
        numbers, count, missing = find_words(index, *asked)
        more = part.further().address() if part.skip + part.shown < count else ""
        return Beginning(cards_of(index, numbers, part.within), more, "", count, missing)
    count = index.size_of(part.within)
    if part.first:
        places = list(range(count)[part.skip : part.skip + part.shown])
        more = part.skip + part.shown < count
    else:
        places = np.unique(np.linspace(0, count - 1, part.shown).astype(int)) if count else []
        more = part.shown < min(count, MOST_SHOWN)
    cards = cards_of(index, index.numbers_at(places, part.within), part.within)
    by_name = not part.first and part.shown < count
    everything = Listing(part.within, 1, MOST_SHOWN).address() if by_name else ""
    return Beginning(cards, part.further().address() if more else "", everything)


def cards_of(index, numbers, within):
    said = index.said_of(numbers)
    return [
        Card(str(number), index.name_of(number), address([Step(str(number), "")], within=within),
             said.get(number, {}))
        for number in numbers
    ]  # fmt: skip
