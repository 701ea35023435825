"""One query to a catalogue with its answer as a PNG: the picture, the sentence, what was found."""

from reports.canvas import CAPTION, CELL, GAP, LABEL, MARGIN, MUTED, TILE, Canvas

COLUMNS = 5  # results a row


def write_query_sheet(path, text, query, results):
    """query: a picture of at most CELL x CELL pixels; results: [(such a picture or None, label)],
    nearest first."""
    rows = max(1, -(-len(results) // COLUMNS))
    left = MARGIN + CELL + CAPTION + 2 * GAP
    height = 2 * MARGIN + rows * (CELL + LABEL + GAP)
    canvas = Canvas(left + COLUMNS * (CELL + GAP) + MARGIN, height)
    paste(canvas, MARGIN, MARGIN, query, "query")
    canvas.caption(MARGIN + CELL + GAP, MARGIN, text or "the nearest by picture")
    for place, (picture, label) in enumerate(results):
        row, column = divmod(place, COLUMNS)
        x, y = left + column * (CELL + GAP), MARGIN + row * (CELL + LABEL + GAP)
        paste(canvas, x, y, picture, label)
    canvas.save(path)


def paste(canvas, x, y, picture, label):
    """A picture in the middle of its cell, or a note that there is none."""
    canvas.draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), TILE)
    if picture:
        place = (x + (CELL - picture.width) // 2, y + (CELL - picture.height) // 2)
        canvas.image.paste(picture, place)
    else:
        canvas.text(x + 12, y + CELL // 2 - 10, "no image file", 16, MUTED)
    canvas.text(x, y + CELL + 7, label, 16, MUTED)
