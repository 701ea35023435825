"""What garments are drawn on: smooth shapes in unit coordinates, fabric with a pattern, light.

Shapes are given in a unit square, y downwards; the canvas places, scales, rotates and mirrors them.
Everything is drawn larger and reduced at the end, which smooths the outlines.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

OVERSAMPLING = 3
COLOURS = {
    "red": (205, 30, 38), "orange": (245, 130, 15), "yellow": (250, 222, 50),
    "green": (35, 145, 60), "blue": (35, 75, 205), "purple": (125, 45, 165),
    "pink": (250, 140, 190), "brown": (112, 68, 38), "black": (34, 34, 40),
    "white": (244, 244, 242),
}  # fmt: skip
LIGHT_COLOURS = ("yellow", "pink", "white")  # decorated in dark, all others in light
DARK, LIGHT = (40, 36, 44), (250, 246, 235)


def blend(colour, other, share):
    """colour moved by `share` in [0, 1] towards other; all RGB in 0..255 -> tuple of ints."""
    return tuple(round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))


def mirrored(points):
    """A closed outline from its right half: x is the distance from the middle line x = 0.5."""
    return [(0.5 + x, y) for x, y in points] + [(0.5 - x, y) for x, y in reversed(points)]


def smooth(points, rounds=2):
    """Cuts the corners of a closed outline (Chaikin); a corner given twice stays sharper."""
    points = np.asarray(points, np.float64)  # [n, 2]
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        cut = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], 1)
        points = cut.reshape(-1, 2)  # [2n, 2]
    return points


def circle(x, y, radius):
    """A closed outline around (x, y)."""
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], 1)


class Canvas:
    """A picture in the making. size: pixels; colour, pattern: of the fabric; rng: nuisances."""

    def __init__(self, size, colour, pattern, rng):
        self.size, self.side = size, size * OVERSAMPLING
        self._place(rng)
        shade = rng.uniform(0.90, 1.08)
        jitter = rng.uniform(-8, 8, 3)
        rgb = np.clip(np.array(COLOURS[colour]) * shade + jitter, 0, 255)
        self.colour = tuple(int(value) for value in rgb)
        light = colour in LIGHT_COLOURS
        self.ink = blend(self.colour, DARK, 0.6) if light else blend(self.colour, LIGHT, 0.72)
        self.accent = DARK if light else LIGHT
        self.edge = blend(self.colour, (0, 0, 0), 0.45)
        if colour == "black":
            self.edge = (90, 90, 96)
        background = tuple(int(v) for v in rng.uniform(165, 205) + rng.uniform(-16, 16, 3))
        self.image = Image.new("RGB", (self.side, self.side), background)
        self.covered = Image.new("L", (self.side, self.side))  # where the garment is
        self.pen = ImageDraw.Draw(self.image)
        self.fabric = Image.new("RGB", (self.side, self.side), self.colour)
        self._weave(pattern, rng)

    def _place(self, rng):
        angle, zoom = np.deg2rad(rng.uniform(-7, 7)), rng.uniform(0.88, 1.03)
        flip = rng.choice([-1.0, 1.0])
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        self._turn = np.array([[cos * flip, sin * flip], [-sin, cos]]) * self.side
        self._centre = self.side * (0.5 + rng.uniform(-0.04, 0.04, 2))

    def _pixels(self, points):
        return ((np.asarray(points) - 0.5) @ self._turn + self._centre).ravel().tolist()

    def _weave(self, pattern, rng):
        """Large strokes, so that a pattern can be told at 96 px; the offset is random."""
        pen, start = ImageDraw.Draw(self.fabric), rng.uniform(-0.1, 0.0)
        step, width = 0.1, 0.042
        rows = [start + step * row for row in range(12)]

        def band(left, top, right, bottom, colour):
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
            pen.polygon(self._pixels(corners), colour)

        if pattern in ("striped", "checked"):
            middle = blend(self.colour, self.ink, 0.5) if pattern == "checked" else self.ink
            for y in rows:
                band(0, y, 1, y + width, middle)
        if pattern == "checked":
            for x in rows:
                band(x, 0, x + width, 1, middle)
                for y in rows:
                    band(x, y, x + width, y + width, self.ink)
        if pattern == "dotted":
            for row, y in enumerate(rows):
                for column in range(11):
                    disc = circle(column * step + (row % 2) * step / 2, y, 0.024)
                    pen.polygon(self._pixels(disc), self.ink)
        if pattern == "zigzag":
            for y in rows:
                line = [(x / 20, y + 0.06 * (x % 2)) for x in range(21)]
                pen.line(self._pixels(line), self.ink, round(0.026 * self.side))

    def piece(self, points, cut=None):
        """A piece of fabric with this outline, less the outline `cut`, and an edge."""
        pixels = np.reshape(self._pixels(points), (-1, 2))
        corner = np.maximum(np.floor(pixels.min(0)), 0).astype(int)
        end = np.minimum(np.ceil(pixels.max(0)) + 1, self.side).astype(int)
        box = (*corner.tolist(), *end.tolist())
        mask = Image.new("L", tuple((end - corner).tolist()))
        pen = ImageDraw.Draw(mask)
        pen.polygon((pixels - corner).ravel().tolist(), 255)
        if cut is not None:
            pen.polygon((np.reshape(self._pixels(cut), (-1, 2)) - corner).ravel().tolist(), 0)
        self.image.paste(self.fabric.crop(box), box, mask)
        self.covered.paste(255, box, mask)
        self.line([*points, points[0]], 0.010)

    def patch(self, points, colour, edge=True):
        """A plain piece of another colour."""
        pixels = self._pixels(points)
        self.pen.polygon(pixels, colour)
        ImageDraw.Draw(self.covered).polygon(pixels, 255)
        if edge:
            self.line([*points, points[0]], 0.008)

    def line(self, points, width, colour=None):
        """A seam, fold or edge; width in units of the square."""
        pixels = max(1, round(width * self.side))
        self.pen.line(self._pixels(points), colour or self.edge, pixels, "curve")

    def photograph(self, rng):
        """Reduces the drawing and adds light, a shadow and noise -> PIL image, RGB."""
        image = np.asarray(self.image.reduce(OVERSAMPLING), np.float32)  # [size, size, 3]
        covered = self.covered.reduce(OVERSAMPLING)
        blurred = covered.filter(ImageFilter.GaussianBlur(self.size / 22))
        inside = np.asarray(covered, np.float32) / 255  # [size, size]
        depth = np.asarray(blurred, np.float32) / 255
        y, x = np.mgrid[0 : self.size, 0 : self.size].astype(np.float32) / self.size - 0.5
        light = 1 + rng.uniform(-0.14, 0.14) * x + rng.uniform(-0.14, 0.14) * y
        waves = rng.uniform(2, 5) * x + rng.uniform(0, 2) * y + rng.uniform()
        folds = 0.80 + 0.22 * depth + 0.035 * np.sin(2 * np.pi * waves)
        down, right = self.size // 32, self.size // 48
        shadow = 1 - 0.3 * np.pad(depth, ((down, 0), (right, 0)))[: self.size, : self.size]
        light *= inside * folds + (1 - inside) * shadow
        noise = rng.standard_normal(image.shape, np.float32) * rng.uniform(1, 5)
        return Image.fromarray(np.clip(image * light[..., None] + noise, 0, 255).astype(np.uint8))
