"""Silhouettes of shoes, seen from the side, toe to the right.

Every function draws one kind: (canvas, garment) -> None. Coordinates: see demo/canvas.py.
"""

import numpy as np

from demo.canvas import blend, circle, smooth
from demo.clothes import bow

GROUND = 0.80
HEELS = {"flat": 0.03, "medium": 0.13, "high": 0.25}
SOLE = (58, 46, 42)
RUBBER = (232, 230, 224)


def _foot(heel):
    """Where the foot stands: underside from heel to toe, raised by the heel's height."""
    return [(0.10, GROUND - heel), (0.26, GROUND - heel), (0.55, GROUND - 0.03)]


def _heel_block(canvas, heel, width):
    """A heel under the back of the shoe, narrower at the ground, and a thin sole."""
    if heel > 0.05:
        top = GROUND - heel
        block = [(0.09, top - 0.02), (0.11 + 2 * width, top), (0.12 + width, GROUND),
                 (0.12, GROUND)]  # fmt: skip
        canvas.patch(np.array(block), SOLE)
    sole = [*[(x, y - 0.005) for x, y in _foot(heel)], (0.92, GROUND - 0.025), (0.92, GROUND),
            (0.56, GROUND), (0.25, GROUND - heel + 0.035),
            (0.10, GROUND - heel + 0.03)]  # fmt: skip
    canvas.patch(smooth(sole, 1), SOLE)


def _thick_sole(canvas, heel, colour):
    """A platform: as high as the heel at the back, lower at the toe."""
    front = 0.045 + 0.45 * heel
    sole = [(0.07, GROUND - heel - 0.03), (0.55, GROUND - front - 0.01), (0.93, GROUND - front),
            (0.95, GROUND), (0.95, GROUND), (0.06, GROUND), (0.06, GROUND)]  # fmt: skip
    canvas.patch(smooth(sole, 2), colour)
    return front


def _trim(canvas, trim, x, y):
    """A bow, buckle or flower, near the toe."""
    if trim == "bow":
        bow(canvas, x, y, 0.095)
    elif trim == "buckle":
        square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
        canvas.patch(square * 0.075 + (x, y), (226, 184, 62))
        canvas.patch(square * 0.036 + (x, y), canvas.edge)
    elif trim == "flower":
        for turn in np.arange(5) * 2 * np.pi / 5:
            centre = (x + 0.062 * np.sin(turn), y - 0.062 * np.cos(turn))
            canvas.patch(circle(*centre, 0.046), canvas.accent)
        canvas.patch(circle(x, y, 0.034), (240, 190, 40))


def draw_sneaker(canvas, garment):
    """Laces, a rubber sole, a padded ankle."""
    heel = HEELS[garment.heel]
    front = _thick_sole(canvas, heel, RUBBER)
    back, toe = GROUND - heel - 0.02, GROUND - front
    upper = [(0.075, back), (0.07, back - 0.15), (0.06, back - 0.27), (0.13, back - 0.27),
             (0.22, back - 0.20), (0.34, back - 0.24), (0.40, back - 0.27), (0.62, toe - 0.17),
             (0.84, toe - 0.14), (0.93, toe - 0.06), (0.92, toe), (0.5, toe - 0.005)]  # fmt: skip
    canvas.piece(smooth(upper))
    cap = [(0.80, toe - 0.135), (0.93, toe - 0.09), (0.93, toe + 0.005), (0.76, toe + 0.005)]
    canvas.patch(smooth(cap, 2), RUBBER)
    canvas.line([(0.17, back - 0.20), (0.19, back)], 0.010)
    for step in range(4):
        x, y = 0.40 + 0.065 * step, back - 0.255 + step * (0.085 + (heel - front) * 0.18)
        canvas.line([(x - 0.03, y + 0.075), (x + 0.035, y - 0.005)], 0.020, canvas.accent)
    _trim(canvas, garment.trim, 0.33, back - 0.09)


def draw_boot(canvas, garment):
    """A shaft to the calf."""
    heel = HEELS[garment.heel]
    _heel_block(canvas, heel, 0.05)
    back = GROUND - heel
    upper = [(0.10, back), (0.09, back - 0.14), (0.11, 0.10), (0.11, 0.10), (0.45, 0.10),
             (0.45, 0.10), (0.41, back - 0.25), (0.60, GROUND - 0.185 - 0.2 * heel),
             (0.85, GROUND - 0.15), (0.93, GROUND - 0.06), (0.90, GROUND - 0.02),
             (0.55, GROUND - 0.02), (0.28, back + 0.01)]  # fmt: skip
    canvas.piece(smooth(upper))
    canvas.line([(0.115, 0.14), (0.44, 0.14)], 0.010)
    canvas.line([(0.20, 0.2), (0.19, back - 0.10)], 0.008)
    _trim(canvas, garment.trim, 0.32, 0.30)


def draw_pump(canvas, garment):
    """Closed toe, low cut; flat it is a ballerina."""
    heel = HEELS[garment.heel]
    _heel_block(canvas, heel, 0.022)
    back = GROUND - heel
    upper = [(0.10, back + 0.005), (0.085, back - 0.10), (0.095, back - 0.20), (0.15, back - 0.19),
             (0.30, back - 0.09 + 0.1 * heel), (0.48, GROUND - 0.11 - 0.2 * heel),
             (0.58, GROUND - 0.215), (0.66, GROUND - 0.215), (0.88, GROUND - 0.12),
             (0.95, GROUND - 0.05), (0.91, GROUND - 0.018), (0.56, GROUND - 0.02),
             (0.27, back + 0.01)]  # fmt: skip
    canvas.piece(smooth(upper))
    _trim(canvas, garment.trim, 0.66, GROUND - 0.20)


def draw_sandal(canvas, garment):
    """Open: an ankle strap, a heel cup and two bands over the toes."""
    heel = HEELS[garment.heel]
    _heel_block(canvas, heel, 0.03)
    back = GROUND - heel
    cup = [(0.10, back), (0.08, back - 0.13), (0.17, back - 0.13), (0.27, back)]
    canvas.piece(smooth(cup, 1))
    ankle = [(0.09, back - 0.29), (0.40, back - 0.33), (0.41, back - 0.235), (0.09, back - 0.20)]
    canvas.piece(smooth(ankle, 1))
    riser = [(0.09, back - 0.25), (0.15, back - 0.25), (0.15, back - 0.09), (0.09, back - 0.09)]
    canvas.piece(np.array(riser))
    vamp = [(0.44, GROUND - 0.03 - 0.4 * heel), (0.44, GROUND - 0.13 - 0.4 * heel),
            (0.56, GROUND - 0.235 - 0.15 * heel), (0.70, GROUND - 0.20), (0.82, GROUND - 0.135),
            (0.86, GROUND - 0.02), (0.58, GROUND - 0.02)]  # fmt: skip
    slit = [(0.585, GROUND - 0.04), (0.645, GROUND - 0.19), (0.69, GROUND - 0.175)]
    canvas.piece(smooth(vamp, 1), [*slit, (0.65, GROUND - 0.04)])
    _trim(canvas, garment.trim, 0.55, GROUND - 0.21 - 0.25 * heel)


def draw_clog(canvas, garment):
    """No back, a thick wooden sole."""
    heel = HEELS[garment.heel]
    front = _thick_sole(canvas, heel, (190, 146, 94))
    toe = GROUND - front
    upper = [(0.30, GROUND - heel * 0.85 - 0.05), (0.33, toe - 0.20 - 0.35 * heel),
             (0.44, toe - 0.27 - 0.25 * heel), (0.62, toe - 0.26 - 0.1 * heel), (0.86, toe - 0.19),
             (0.96, toe - 0.08), (0.95, toe + 0.005), (0.60, toe - 0.01)]  # fmt: skip
    canvas.piece(smooth(upper))
    for x in np.linspace(0.42, 0.92, 7):
        nail = circle(x, toe - 0.02 - 0.35 * heel * (0.92 - x), 0.011)
        canvas.patch(nail, blend(SOLE, RUBBER, 0.7))
    _trim(canvas, garment.trim, 0.62, toe - 0.18)


FOOTWEAR = {
    "sneaker": draw_sneaker, "boot": draw_boot, "pump": draw_pump, "sandal": draw_sandal,
    "clog": draw_clog,
}  # fmt: skip
