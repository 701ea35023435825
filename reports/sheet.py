"""The retrieval sheet: one PNG of queries with their nearest images."""

import os
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from reports.cases import rank_label, read_cases, read_image

CELL = 160  # pixels, the square an image is fitted into
GAP = 12  # pixels between cells
MARGIN = 32  # pixels
CAPTION = 250  # pixels, width of the caption's column
LABEL = 32  # pixels below an image
FRAME = 6  # pixels around a correct image
INK, MUTED, HIT, PAPER, TILE = "#1b1b1b", "#6b6b6b", "#12833a", "#ffffff", "#f2f2f2"


def font(size):
    """The font matplotlib brings: the same on every machine, with letters beyond ASCII."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)


def wrap(draw, text, face, width):
    """Text -> lines no wider than `width`; a longer word is broken."""
    lines = [""]
    for word in text.split():
        while word:
            candidate = f"{lines[-1]} {word}".strip()
            if draw.textlength(candidate, face) <= width:
                lines[-1], word = candidate, ""
            elif lines[-1]:
                lines.append("")
            else:
                cut = len(word)
                while cut > 1 and draw.textlength(word[:cut], face) > width:
                    cut -= 1
                lines[-1], word = word[:cut], word[cut:]
    return lines


class Sheet:
    """One PNG: a heading, then a band of rows per group."""

    def __init__(self, cases):
        self.cases = cases
        top = max((len(case.top) for group in cases.groups for case in group.cases), default=1)
        self.target_x = MARGIN + CELL + CAPTION + 2 * GAP + top * (CELL + GAP) + 2 * GAP
        rows = sum(max(1, len(group.cases)) for group in cases.groups)
        height = 128 + len(cases.groups) * 52 + rows * (CELL + LABEL + GAP) + MARGIN
        self.image = Image.new("RGB", (self.target_x + CELL + MARGIN, height), PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def text(self, x, y, text, size, colour=INK):
        self.draw.text((x, y), text, colour, font(size))

    def picture(self, x, y, name, label, correct=False):
        """An image in its cell, or a note that its file is missing."""
        path = self.cases.paths.get(name)
        picture = read_image(path, CELL) if path else None
        self.draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), TILE)
        if picture:
            place = (x + (CELL - picture.width) // 2, y + (CELL - picture.height) // 2)
            self.image.paste(picture, place)
        else:
            self.text(x + 12, y + CELL // 2 - 10, "no image file", 16, MUTED)
        if correct:
            box = (x - FRAME, y - FRAME, x + CELL - 1 + FRAME, y + CELL - 1 + FRAME)
            self.draw.rectangle(box, outline=HIT, width=FRAME)
        self.text(x, y + CELL + 7, label, 19, HIT if correct else MUTED)

    def caption(self, x, y, text):
        """The caption in the largest size that fits its column, cut only below 13 pixels."""
        for size in range(23, 12, -1):
            lines = wrap(self.draw, f"“{text}”", font(size), CAPTION)
            fitting = (CELL + LABEL) // (size + 6)
            if len(lines) <= fitting:
                break
        else:
            lines = [*lines[: fitting - 1], lines[fitting - 1] + "…"]
        for line in lines:
            self.text(x, y, line, size)
            y += size + 6

    def row(self, y, case):
        x = MARGIN
        self.picture(x, y, case.reference, "reference")
        x += CELL + GAP
        self.caption(x, y, case.caption)
        x += CAPTION + GAP
        for rank, (name, _, correct) in enumerate(case.top, 1):
            self.picture(x, y, name, f"{rank}" + (" correct" if correct else ""), correct)
            x += CELL + GAP
        self.picture(self.target_x, y, case.target, rank_label(case))

    def paint(self):
        self.text(MARGIN, 22, self.cases.title, 32)
        self.text(MARGIN, 66, self.cases.subtitle, 20, MUTED)
        y = 128 - 24
        for group in self.cases.groups:
            self.text(MARGIN, y + 10, f"{group.title} ({group.share:.1f} % of the queries)", 22)
            y += 52
            for case in group.cases:
                self.row(y, case)
                y += CELL + LABEL + GAP
            if not group.cases:
                self.text(MARGIN, y, "none", 18, MUTED)
                y += CELL + LABEL + GAP
        return self.image


def write_sheet(folder, path, top=5, protocol="val", data_path="", counts=(4, 2, 2)):
    """Draws the sheet of one feature folder (hits, near misses, failures: counts) as a PNG."""
    save_sheet(read_cases(folder, protocol, data_path, top, counts), path)


def save_sheet(cases, path):
    """The file appears whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp{os.getpid()}")
    Sheet(cases).paint().save(temporary, "PNG", optimize=True)
    os.replace(temporary, path)
