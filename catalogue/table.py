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
from datasets.product_table import REPEATED, Table, value_of
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
    """A table. columns: that can be changed; phrases: that ask for it, with {new} and perhaps
    {old}; rows: {image as the table writes it: {column: text}}."""

    path: str
    columns: list[str]
    phrases: list[str]
    rows: dict[str, dict[str, str]]


def take_table(path, attributes, about, earlier):
    """What is said of the pictures of the index `about` now -> (Said or None, what index.json says
    of it or None, whether it is another than of `earlier`, a line for people or "").

    path: of a table; without one that of an earlier run, read again, or the data of the index's
    run. attributes: columns, comma between; by default the run's, or those whose values repeat."""
    before, of_run = earlier.get("table"), read_run(about["checkpoint_dir"])
    if attributes and not path:
        raise InputError("--attributes= are columns of --table=", 2)
    if not path and before and before["given"]:
        path, attributes = before["given"], before["attributes"]
        if not os.path.exists(path):
            line = f"{path}: not there any longer; what it said of pictures stays"
            return None, before, False, line
    said = read_table(path, attributes, of_run) if path else of_run
    if said is None:
        return None, before, False, ""
    now = {"given": path and said.path, "attributes": attributes, "columns": said.columns,
           "phrases": said.phrases, "digest": hashlib.sha256(json.dumps(said).encode()).hexdigest()}
    anew = before is None or before["digest"] != now["digest"]
    return said, now, anew, f"{said.path}: {len(said.rows):,} rows"


def read_run(checkpoint_dir):
    """What the data of a run say -> Said; None where they say nothing, or lie no longer there."""
    config = load_config(checkpoint_dir) if checkpoint_dir else None
    read = config and datasets.READERS[config.dataset].read_table
    try:
        columns, phrases, rows = read(config.data_path) if read else ((), (), {})
    except InputError:  # a run may be used without its data
        return None
    said = {
        image: {name: value for name, value in zip(columns, values, strict=True) if value}
        for image, values in rows.items()
    }
    return Said(os.path.abspath(config.data_path), list(columns), phrases, said) if said else None


def read_table(path, attributes, of_run):
    table, rows = Table(path), {}
    names = [name for name in table.header if name not in ("", "image", "split")]
    texts = {name: table.texts(name, "--table") for name in names}
    for number, (place, image) in enumerate(table.images("image", "--table")):
        if image in rows:
            raise InputError(f"{place}: {image!r} is the image of another row too")
        cells = {name: texts[name][number][1].replace("\0", "") for name in names}
        rows[image] = {name: cell for name, cell in cells.items() if value_of(cell) is not None}
    columns, phrases = (of_run.columns, of_run.phrases) if of_run else (names, list(PHRASES))
    chosen = [name for name in attributes.split(",") if name]
    for name in chosen:
        table.values(name, "--attributes")
    if not chosen:
        counts = {n: Counter(filter(None, table.values(n, ""))) for n in columns if n in names}
        chosen = [n for n, c in counts.items() if of_run or 1 < len(c) <= c.total() / REPEATED]
    return Said(os.path.abspath(path), chosen, phrases, rows)


def entries(said, root, files):
    """Yields what is kept of each of files, (number, path below root) -> (number, JSON, words,
    [(place of a column, its value, a number that those share whose other values are equal)]).

    said: Said, or None: then the names' words alone."""
    written = find_written(list(said.rows), root) if said else {}
    row_of = {path: said.rows[name] for name, path in written.items()}
    for number, path in files:
        row, partners = row_of.get(path, {}), []
        values = tuple(value_of(row.get(name, "")) for name in said.columns) if row else ()
        for stem, (place, value) in one_value_less(values):
            digest = hashlib.sha256(repr((place, stem)).encode()).digest()
            partners.append((place, value, int.from_bytes(digest[:8], signed=True)))
        words = words_of(" ".join([os.path.splitext(path)[0], *row.values()]))[:MOST_WORDS]
        yield number, json.dumps(row, ensure_ascii=False), words, partners


def words_of(text):
    """The words of a text as they are looked for, each once: in lower case, without accents."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in re.findall(r"[^\W_]+", text)))


def find_words(index, text, within="", skip=0, top=10):
    """Images of a folder of which all words of a text are said -> (numbers of some, how many in
    all, words that are said of no image). Raises InputError for no word, or too many."""
    words = words_of(text)
    if not 1 <= len(words) <= MOST_ASKED:
        raise InputError(f"words: {len(words)} of them; 1 to {MOST_ASKED} can be looked for")
    numbers, count = index.with_words(words, within, skip, top)
    return numbers, count, [] if count else [w for w in words if not index.has_word(w)]


def sentences(changes, table, known):
    """Sentences to ask with one click -> [(column, [sentence])], at most SENTENCES in all, the
    commonest changes of each column in turn. changes: rows of CHANGES; table: what index.json says
    of it; known: {word of the model: ...}, what has others is left out, if it can be."""

    def is_known(text):
        return set(tokenize(text)) <= known.keys()

    phrases = [phrase for phrase in table["phrases"] if is_known(sentence(phrase, "", ""))]
    phrase, asked = (phrases or table["phrases"])[0], {}
    for place, old, new, _ in changes:
        if is_known(f"{old} {new}"):
            asked.setdefault(place, []).append(sentence(phrase, old, new))
    turns = sorted((turn, place) for place, some in asked.items() for turn in range(len(some)))
    kept = Counter(place for _, place in turns[:SENTENCES])
    return [(table["columns"][place], asked[place][: kept[place]]) for place in sorted(kept)]
