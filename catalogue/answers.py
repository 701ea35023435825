"""An Answer as a JSON object, as a table for a terminal, as pictures for a sheet."""

from catalogue.thumbnails import thumbnail
from command_line.errors import InputError
from datasets.image_files import read_content

SHEET_CELL = 160  # pixels


def as_json(answer):
    """-> dict of an Answer's parts, its results as dicts."""
    return {**answer._asdict(), "results": [result._asdict() for result in answer.results]}


def shown(name):
    """A name on one line of a terminal."""
    return name if name.isprintable() else ascii(name)


def notes(answer):
    """What a person should know about an answer -> lines."""
    for word, near in answer.unknown.items():
        yield f'"{word}": the model has never seen this word' + (
            f"; did you mean {near}?" if near else ""
        )
    if answer.beyond:
        yield f"more words than the model reads, do not count: {' '.join(answer.beyond)}"
    if answer.cut:
        yield "copies were looked for among the nearest pictures only: there may be more results"
    if answer.left_out:
        yield f"left out, being the query itself: {', '.join(map(shown, answer.left_out))}"
    if not answer.results:
        yield "no picture found: nothing here, or nothing near enough"


def sentences(answer, changed):
    """The same for the page; changed: the query's file is another than was indexed."""
    if changed:
        yield "This picture's file has changed since it was indexed; the answer is for it as it is."
    for word, near in answer.unknown.items():
        yield f"The model has never seen the word “{word}”, so it does not count." + (
            f" Did you mean “{near}”?" if near else ""
        )
    if answer.beyond:
        words = " ".join(answer.beyond)
        yield f"“{words}” does not count: the model reads no more words than those before it."
    if answer.cut:
        yield "Nearly all pictures near to this one are copies; there may be others further away."
    if not answer.results:
        yield "No picture was found here. Try all folders, or another picture."


def table(answer):
    """Lines: rank, squared L2, name, copies; then the notes and the time it took."""
    for rank, result in enumerate(answer.results, 1):
        copies = f"   (copies: {', '.join(map(shown, result.copies))})" if result.copies else ""
        yield f"{rank:>4}  {result.distance:8.4f}  {shown(result.name)}{copies}"
    yield from notes(answer)
    encode, search = (1000 * answer.seconds[part] for part in ("encode", "search"))
    yield f"query encoded in {encode:.0f} ms, searched in {search:.0f} ms"


def sheet_pictures(image, index, answer):
    """-> (the query's picture, [(picture of each result or None, label)])"""

    def picture(number):
        try:
            return thumbnail(index.read(number), SHEET_CELL)
        except InputError:  # gone since it was indexed: the sheet says so
            return None

    labels = [f"{rank}: {result.distance:.3f}" for rank, result in enumerate(answer.results, 1)]
    found = [picture(result.number) for result in answer.results]
    return thumbnail(read_content(image), SHEET_CELL), list(zip(found, labels, strict=True))
