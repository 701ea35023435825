"""One query to a catalogue with its answer as a PNG: the picture, the sentence, what was found."""

from reports.canvas import CAPTION, CELL, GAP, MARGIN, ROW, Canvas

COLUMNS = 5  # results a row
SIZE = 16  # of the labels


def write_query_sheet(path, text, query, results):
    """query: a picture of at most CELL x CELL pixels; results: [(such a picture or None, label)],
    nearest first."""
    rows = max(1, -(-len(results) // COLUMNS))
    left = MARGIN + CELL + CAPTION + 2 * GAP
    canvas = Canvas(left + COLUMNS * (CELL + GAP) + MARGIN, 2 * MARGIN + rows * ROW)
    canvas.cell(MARGIN, MARGIN, query, "query", SIZE)
    canvas.caption(MARGIN + CELL + GAP, MARGIN, text or "the nearest by picture")
    for place, (picture, label) in enumerate(results):
        row, column = divmod(place, COLUMNS)
        canvas.cell(left + column * (CELL + GAP), MARGIN + row * ROW, picture, label, SIZE)
    canvas.save(path)
