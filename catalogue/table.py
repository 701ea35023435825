"""What a table says of an index's pictures: --table=, or the data that the run was trained on.

For search it is kept as text, as words, and as the values by which products are partners, which
differ in one column alone: by store.py in files, by database.py in PostgreSQL."""

import hashlib
import json
import os
import re
import unicodedata
from collections import Counter
from typing import NamedTuple

import datasets
from command_line.errors import InputError
from config import load_config
from datasets.find_images import find_written
from datasets.product_table import REPEATED, Table, normal
from datasets.products import PHRASES, one_value_less, sentence
from datasets.vocabulary import tokenize

LONGEST_WORD = 40  # letters of a word that count
MOST_WORDS = 2_000  # of one picture
MOST_ASKED = 12  # words at once
SENTENCES = 8  # to ask with one click
# Of a picture: column, own value, a partner's value, how many partners have it.
CHANGES = """
SELECT own.place, own.value, other.value, count(*) FROM {partners} own JOIN {partners} other
ON other.place = own.place AND other.others = own.others AND other.value != own.value
WHERE own.file = {number} GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC, 3
"""


class Said(NamedTuple):
    """A table. rows: {image as the table writes it: {column: text}}. columns: that can be changed;
    phrases: that ask for it, with {new} and perhaps {old}."""

    path: str
    columns: list[str]
    phrases: list[str]
    rows: dict[str, dict[str, str]]

    @property
    def digest(self):
        return hashlib.sha256(json.dumps(self).encode()).hexdigest()


class Entry(NamedTuple):
    """What is kept of one picture. partners: (place of a column, its value, number that those share
    who have equal values in all the others)."""

    number: int
    said: str  # JSON
    words: list[str]
    partners: list[tuple[int, str, int]]


def read_said(path, attributes, about):
    """Said of the file path, or else of the data of the run that made the index `about`; None
    without either. attributes: columns, comma between; by default the run's, or those whose values
    repeat."""
    of_run = _read_run(about["checkpoint_dir"]) if about["checkpoint_dir"] else None
    if not path:
        return of_run
    table, said = Table(path), {}
    names = [name for name in table.header if name not in ("", "image", "split")]
    columns = {name: table.texts(name, "--table") for name in names}
    for number, (place, image) in enumerate(table.images("image", "--table")):
        if image in said:
            raise InputError(f"{place}: {image!r} is the image of another row too")
        cells = {name: texts[number][1] for name, texts in columns.items()}
        said[image] = {name: cell for name, cell in cells.items() if normal(cell) is not None}
    chosen = [name for name in attributes.split(",") if name] or _likely(said.values(), of_run)
    for name in chosen:
        table.texts(name, "--attributes")
    path = os.path.abspath(path)
    return Said(path, chosen, of_run.phrases if of_run else list(PHRASES), said)


def _read_run(checkpoint_dir):
    config = load_config(checkpoint_dir)
    read = datasets.READERS[config.dataset].read_table
    try:
        columns, phrases, rows = read(config.data_path) if read else ((), (), {})
    except InputError:  # a run may be used without its data
        return None
    said = {
        image: {name: value for name, value in zip(columns, values, strict=True) if value}
        for image, values in rows.items()
    }
    return Said(os.path.abspath(config.data_path), list(columns), phrases, said) if said else None


def _likely(rows, of_run):
    """Columns that can be changed: the run's, or those whose values repeat."""
    counts = {}
    for row in rows:
        for name, cell in row.items():
            counts.setdefault(name, Counter())[normal(cell)] += 1
    columns = [n for n, count in counts.items() if 1 < len(count) <= count.total() / REPEATED]
    return [name for name in of_run.columns if name in counts] if of_run else columns


def entries(said, root, files):
    """Yields an Entry for each of files, (number, path below root); said: may be None."""
    written = find_written(list(said.rows), root) if said else {}
    row_of = {path: said.rows[name] for name, path in written.items()}
    for number, path in files:
        row = row_of.get(path, {})
        words = words_of(" ".join([os.path.splitext(path)[0], *row.values()]))
        partners = []
        values = tuple(normal(row.get(name, "")) for name in said.columns) if row else ()
        for stem, (place, value) in one_value_less(values):
            digest = hashlib.sha256(repr((place, stem)).encode()).digest()
            partners.append((place, value, int.from_bytes(digest[:8], signed=True)))
        yield Entry(number, json.dumps(row, ensure_ascii=False), words[:MOST_WORDS], partners)


def words_of(text):
    """The words of a text as they are looked for, each once: in lower case, without accents."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in re.findall(r"[^\W_]+", text)))


class Listed(NamedTuple):
    """Images that words find: numbers of some, how many in all; missing: words no image has."""

    numbers: list[int]
    count: int
    missing: list[str]


def find_words(index, text, within="", skip=0, top=10):
    """Images of a folder of the index of which all words of the text are said -> Listed. Raises
    InputError for a text without words, or with too many."""
    words = words_of(text)
    if not 1 <= len(words) <= MOST_ASKED:
        raise InputError(f"words: {len(words)} of them; 1 to {MOST_ASKED} can be looked for")
    numbers, count = index.with_words(words, within, skip, top)
    missing = [] if count else [word for word in words if not index.has_word(word)]
    return Listed(numbers, count, missing)


def known_phrase(phrases, known):
    """The first phrase whose own words the model knows, else the first; known: {word: ...}."""
    ours = (p for p in phrases if known.keys() >= set(tokenize(sentence(p, "", ""))))
    return next(ours, phrases[0])


def sentences(changes, table, known):
    """Sentences to ask with one click -> [(column, [sentence])], at most SENTENCES in all, the
    commonest changes of each column in turn. changes: rows of CHANGES; table: what index.json says
    of it; known: {word of the model: ...}, values with others are left out."""
    phrase, asked = known_phrase(table["phrases"], known), {}
    for place, old, new, _ in changes:
        if known.keys() >= set(tokenize(f"{old} {new}")):
            asked.setdefault(place, []).append(sentence(phrase, old, new))
    turns = sorted((turn, place) for place, some in asked.items() for turn in range(len(some)))
    kept = Counter(place for _, place in turns[:SENTENCES])
    return [(table["columns"][place], asked[place][: kept[place]]) for place in sorted(kept)]


def take_table(path, attributes, about, earlier):
    """What is said of the pictures of the index `about` now -> (Said or None, what index.json says
    of it or None, a line for people or ""). A table given to an earlier run is read again."""
    before = earlier.get("table")
    if not path and before and before["given"]:
        path, attributes = before["path"], attributes or before["attributes"]
        if not os.path.exists(path):
            return None, before, f"{path}: not there any longer; what it said of pictures stays"
    if attributes and not path:
        raise InputError("--attributes= are columns of --table=", 2)
    if (said := read_said(path, attributes, about)) is None:
        return None, before, ""
    now = {"given": bool(path), "path": said.path, "attributes": attributes, "digest": said.digest,
           "columns": said.columns, "phrases": said.phrases}  # fmt: skip
    return said, now, f"{said.path}: {len(said.rows):,} rows"
