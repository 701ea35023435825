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
    """What a person should know about an answer -> sentences."""
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
        yield "No picture was found here, or none near enough. Try all folders, or another picture."


def table(answer):
    """Lines: rank, squared L2, name, copies; then the notes and the time it took."""
    for rank, result in enumerate(answer.results, 1):
        copies = f"   (copies: {', '.join(map(shown, result.copies))})" if result.copies else ""
        yield f"{rank:>4}  {result.distance:8.4f}  {shown(result.name)}{copies}"
    yield from notes(answer)
    if answer.left_out:
        yield f"left out, being the query itself: {', '.join(map(shown, answer.left_out))}"
    encode, search = (1000 * answer.seconds[part] for part in ("encode", "search"))
    yield f"query encoded in {encode:.0f} ms, searched in {search:.0f} ms"


def sheet_pictures(image, searcher, answer):
    """-> (the query's picture, [(picture of each result or None, label)])"""

    def small(content):
        return thumbnail(content, SHEET_CELL, searcher.most_megapixels)

    def picture(number):
        try:
            return small(searcher.index.read(number))
        except InputError:  # gone since it was indexed: the sheet says so
            return None

    labels = [f"{rank}: {result.distance:.3f}" for rank, result in enumerate(answer.results, 1)]
    found = [picture(result.number) for result in answer.results]
    return small(read_content(image)), list(zip(found, labels, strict=True))
