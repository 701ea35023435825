"""The retrieval sheet: one PNG of queries with their nearest images."""

from reports.canvas import CAPTION, CELL, GAP, MARGIN, MUTED, ROW, Canvas

HEADING = 52  # pixels, height of a group's title


def write_sheet(path, examples):
    """A heading, then a band of rows per group."""
    top = max((len(one.top) for group in examples.groups for one in group.examples), default=1)
    target_x = MARGIN + CELL + CAPTION + 2 * GAP + top * (CELL + GAP) + 2 * GAP
    rows = sum(max(1, len(group.examples)) for group in examples.groups)
    height = 128 + len(examples.groups) * HEADING + rows * ROW + MARGIN
    canvas = Canvas(target_x + CELL + MARGIN, height)
    canvas.text(MARGIN, 22, examples.title, 32)
    canvas.text(MARGIN, 66, examples.subtitle, 20, MUTED)
    y = 128 - 24
    for group in examples.groups:
        canvas.text(MARGIN, y + 10, f"{group.title} ({group.share:.1f} % of the queries)", 22)
        y += HEADING
        for one in group.examples:
            paint_row(canvas, y, examples, one, target_x)
            y += ROW
        if not group.examples:
            canvas.text(MARGIN, y, "none", 18, MUTED)
            y += ROW
    canvas.save(path)


def paint_row(canvas, y, examples, one, target_x):
    def paint(x, name, label, correct=False):
        canvas.cell(x, y, examples.picture(name, CELL), label, 19, correct)

    paint(MARGIN, one.reference, "reference")
    canvas.caption(MARGIN + CELL + GAP, y, one.caption)
    x = MARGIN + CELL + CAPTION + 2 * GAP
    for rank, (name, _, correct) in enumerate(one.top, 1):
        paint(x, name, f"{rank}{' correct' * correct}", correct)
        x += CELL + GAP
    paint(target_x, one.target, one.rank_label)
