"""The retrieval sheet: one PNG of queries with their nearest images."""

from reports.canvas import CAPTION, CELL, FRAME, GAP, HIT, LABEL, MARGIN, MUTED, TILE, Canvas
from reports.cases import rank_label, read_cases, read_image


class Sheet:
    """One PNG: a heading, then a band of rows per group."""

    def __init__(self, cases):
        self.cases = cases
        top = max((len(case.top) for group in cases.groups for case in group.cases), default=1)
        self.target_x = MARGIN + CELL + CAPTION + 2 * GAP + top * (CELL + GAP) + 2 * GAP
        rows = sum(max(1, len(group.cases)) for group in cases.groups)
        height = 128 + len(cases.groups) * 52 + rows * (CELL + LABEL + GAP) + MARGIN
        self.canvas = Canvas(self.target_x + CELL + MARGIN, height)

    def picture(self, x, y, name, label, correct=False):
        """An image in its cell, or a note that its file is missing."""
        path = self.cases.paths.get(name)
        picture = read_image(path, CELL) if path else None
        self.canvas.draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), TILE)
        if picture:
            place = (x + (CELL - picture.width) // 2, y + (CELL - picture.height) // 2)
            self.canvas.image.paste(picture, place)
        else:
            self.canvas.text(x + 12, y + CELL // 2 - 10, "no image file", 16, MUTED)
        if correct:
            box = (x - FRAME, y - FRAME, x + CELL - 1 + FRAME, y + CELL - 1 + FRAME)
            self.canvas.draw.rectangle(box, outline=HIT, width=FRAME)
        self.canvas.text(x, y + CELL + 7, label, 19, HIT if correct else MUTED)

    def row(self, y, case):
        x = MARGIN
        self.picture(x, y, case.reference, "reference")
        x += CELL + GAP
        self.canvas.caption(x, y, case.caption)
        x += CAPTION + GAP
        for rank, (name, _, correct) in enumerate(case.top, 1):
            self.picture(x, y, name, f"{rank}" + (" correct" if correct else ""), correct)
            x += CELL + GAP
        self.picture(self.target_x, y, case.target, rank_label(case))

    def paint(self):
        self.canvas.text(MARGIN, 22, self.cases.title, 32)
        self.canvas.text(MARGIN, 66, self.cases.subtitle, 20, MUTED)
        y = 128 - 24
        for group in self.cases.groups:
            self.canvas.text(
                MARGIN, y + 10, f"{group.title} ({group.share:.1f} % of the queries)", 22
            )
            y += 52
            for case in group.cases:
                self.row(y, case)
                y += CELL + LABEL + GAP
            if not group.cases:
                self.canvas.text(MARGIN, y, "none", 18, MUTED)
                y += CELL + LABEL + GAP
        return self.canvas


def write_sheet(folder, path, top=5, protocol="val", data_path="", counts=(4, 2, 2)):
    """Draws the sheet of one feature folder (hits, near misses, failures: counts) as a PNG."""
    Sheet(read_cases(folder, protocol, data_path, top, counts)).paint().save(path)
