"""What the sheets are painted on: one PNG with text in a font that is the same on every machine."""

from bisect import bisect_right
from itertools import islice
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from command_line.files import whole_file

CELL = 160  # pixels, the square an image is fitted into
GAP = 12  # pixels between cells
MARGIN = 32  # pixels
CAPTION = 250  # pixels, width of the caption's column
LABEL = 32  # pixels below an image
ROW = CELL + LABEL + GAP  # pixels, a query's height
FRAME = 6  # pixels around a correct image
INK, MUTED, HIT, PAPER, TILE = "#1b1b1b", "#6b6b6b", "#12833a", "#ffffff", "#f2f2f2"


def font(size):
    """The font matplotlib brings: the same on every machine, with letters beyond ASCII."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)


def wrap(draw, text, face, width):
    """Text -> its lines, one by one, no wider than `width`; a longer word is broken."""
    line = ""
    for word in text.split():
        while word:
            candidate = f"{line} {word}".strip()
            fitting = letters_within(draw, candidate, face, width)
            if fitting == len(candidate):
                line, word = candidate, ""
            elif line:
                yield line
                line = ""
            else:
                cut = max(fitting, 1)
                line, word = word[:cut], word[cut:]
    yield line


def letters_within(draw, text, face, width):
    """How many letters of the text are no wider than `width`, at a cost that goes by their number,
    not by the text's."""
    tried = 32
    while draw.textlength(text[:tried], face) <= width:
        if tried >= len(text):
            return len(text)
        tried *= 2
    letters = range(1, min(tried, len(text)))
    return bisect_right(letters, width, key=lambda n: draw.textlength(text[:n], face))


class Canvas:
    """A white picture of width x height pixels."""

    def __init__(self, width, height):
        self.image = Image.new("RGB", (width, height), PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def text(self, x, y, text, size, colour=INK):
        self.draw.text((x, y), text, colour, font(size))

    def caption(self, x, y, text):
        """The caption in the largest size that fits its column, cut only below 13 pixels."""
        for size in range(23, 12, -1):
            fitting = (CELL + LABEL) // (size + 6)
            lines = list(islice(wrap(self.draw, f"“{text}”", font(size), CAPTION), fitting + 1))
            if len(lines) <= fitting:
                break
        else:
            lines = [*lines[: fitting - 1], lines[fitting - 1] + "…"]
        for line in lines:
            self.text(x, y, line, size)
            y += size + 6

    def cell(self, x, y, picture, label, size, correct=False):
        """A picture of at most CELL x CELL in the middle of its cell, framed if it is correct, or
        a note that there is none; below it the label."""
        self.draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), TILE)
        if picture:
            place = (x + (CELL - picture.width) // 2, y + (CELL - picture.height) // 2)
            self.image.paste(picture, place)
        else:
            self.text(x + 12, y + CELL // 2 - 10, "no image file", 16, MUTED)
        if correct:
            box = (x - FRAME, y - FRAME, x + CELL - 1 + FRAME, y + CELL - 1 + FRAME)
            self.draw.rectangle(box, outline=HIT, width=FRAME)
        self.text(x, y + CELL + 7, label, size, HIT if correct else MUTED)

    def save(self, path):
        """Writes a PNG; the file appears whole or not at all."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, "wb") as file:
            self.image.save(file, "PNG", optimize=True)
