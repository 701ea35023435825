"""Silhouettes of dresses, shirts, tops, jackets, trousers and skirts, seen from the front.

Every function draws one kind: (canvas, garment) -> None. Coordinates: see demo/canvas.py.
"""

import numpy as np

from demo.canvas import blend, circle, mirrored, smooth

SHOULDER_Y = 0.13


def both_sides(points):
    """Points of the right half, x from the middle line, and of the left: two arrays [n, 2]."""
    return [np.asarray(points) * (side, 1) + (0.5, 0) for side in (1, -1)]


def _sleeves(canvas, shoulder, armpit, sleeves):
    if sleeves == "none":
        return
    reach, drop, cuff = (0.165, 0.46, 0.042) if sleeves == "long" else (0.105, 0.13, 0.058)
    start = np.array([shoulder, SHOULDER_Y])
    end = start + (reach, drop)
    along = (end - start) / np.hypot(reach, drop)
    across = np.array([along[1], -along[0]]) * cuff
    outline = [(shoulder - 0.05, SHOULDER_Y - 0.012), (shoulder + 0.005, SHOULDER_Y + 0.005),
               end + across, end + across, end - across, end - across,
               (armpit[0] - 0.01, armpit[1] + 0.03),
               (armpit[0] - 0.05, armpit[1] - 0.03)]  # fmt: skip
    hem = [end + across - 0.035 * along, end - across - 0.035 * along]
    for sleeve, cuff_seam in zip(both_sides(smooth(outline, 1)), both_sides(hem), strict=True):
        canvas.piece(sleeve)
        canvas.line(cuff_seam, 0.008)


def _neck_cut(neckline, width):
    """The opening at the neck as a right half outline, and the collar's height."""
    if neckline == "v":
        return [(width, 0.05), (width, 0.095), (0.004, 0.315)]
    depth = {"round": 0.185, "high": 0.125, "collar": 0.19}[neckline]
    return [(width, 0.05), (width, 0.10), (width * 0.85, depth - 0.03), (width * 0.4, depth)]


def _neck(canvas, neckline, width, cut):
    if neckline == "high":
        roll = mirrored([(width * 0.9, 0.045), (width * 1.05, 0.10), (width * 0.9, 0.15)])
        canvas.piece(smooth(roll, 1))
        for y in (0.075, 0.105):
            canvas.line([(0.5 - width * 0.95, y), (0.5 + width * 0.95, y)], 0.007)
        return
    rim = [(x, y) for x, y in cut if y > 0.09]
    rim = rim if neckline == "v" else [(width, 0.10), (width * 0.84, 0.15), *rim[2:]]
    canvas.line(mirrored(rim), 0.020)
    if neckline == "collar":
        half = [(0.0, 0.205), (0.055, 0.085), (0.095, 0.095), (0.145, 0.185), (0.085, 0.25)]
        for flap in both_sides(half):
            canvas.patch(flap, blend(canvas.colour, canvas.accent, 0.35))
        canvas.line([(0.5, 0.21), (0.5, 0.32)], 0.010)
        for y in (0.245, 0.295):
            canvas.patch(circle(0.5, y, 0.012), canvas.accent)


def _bodice(canvas, garment, shoulder, sides, neck=0.085):
    """Sleeves, body and neckline. sides: right half outline from the armpit to the hem."""
    armpit = sides[0]
    if garment.sleeves == "none":
        armhole = [(shoulder - 0.025, SHOULDER_Y - 0.01), (shoulder - 0.04, 0.22)]
    else:
        armhole = [(shoulder, SHOULDER_Y), (shoulder, SHOULDER_Y + 0.02)]
    back = mirrored([(neck, 0.095), (neck * 0.9, 0.16), (0.02, 0.20)])
    if garment.neckline != "high":
        canvas.patch(smooth(back), blend(canvas.colour, (0, 0, 0), 0.38))
    _sleeves(canvas, shoulder, armpit, garment.sleeves)
    outline = [(neck, 0.095), (neck, 0.095), *armhole, *sides]
    cut = _neck_cut(garment.neckline, neck)
    opening = smooth(mirrored(cut), 1 if garment.neckline == "v" else 2)
    canvas.piece(smooth(mirrored(outline)), opening)
    _neck(canvas, garment.neckline, neck, cut)


def _folds(canvas, lines):
    for x, top, spread, bottom in lines:
        for side in (1, -1):
            canvas.line([(0.5 + side * x, top), (0.5 + side * (x + spread), bottom)], 0.006)


def _hem(canvas, half_width, y):
    side = y - 0.028
    canvas.line([(0.5 - half_width, side), (0.5, y - 0.018), (0.5 + half_width, side)], 0.007)


HEART = [(0, 0.105), (-0.1, 0), (-0.1, -0.07), (-0.04, -0.09), (0, -0.045)]
HEART = np.array([*HEART, *[(-x, y) for x, y in reversed(HEART[1:-1])]])
_POINTS, _RADII = np.arange(10) * np.pi / 5, np.array([0.112, 0.045] * 5)
STAR = np.stack([_RADII * np.sin(_POINTS), -_RADII * np.cos(_POINTS)], 1)
_TURN = np.linspace(0.9, 2 * np.pi - 0.9, 16)
_INNER = np.stack([0.075 * np.cos(_TURN) + 0.045, 0.08 * np.sin(_TURN)], 1)
MOON = np.concatenate([np.stack([0.1 * np.cos(_TURN), 0.1 * np.sin(_TURN)], 1), _INNER[::-1]])
GRAPHICS = {"heart": HEART, "star": STAR, "moon": MOON}


def _graphic(canvas, graphic, y):
    if graphic == "none":
        return
    canvas.patch(circle(0.5, y, 0.128), canvas.colour, edge=False)
    canvas.patch(GRAPHICS[graphic] + (0.5, y), canvas.accent)


def bow(canvas, x, y, size):
    """Two loops and a knot, also worn on shoes."""
    for side in (1, -1):
        loop = np.array([(0, 0), (0.55, -0.62), (1, -0.5), (1, 0.5), (0.55, 0.62)])
        canvas.patch(loop * (side * size, size) + (x, y), canvas.accent)
        tail = np.array([(0, 0), (0.6, 1.25), (0.25, 1.35)]) * (side * size, size)
        canvas.patch(tail + (x, y), canvas.accent)
    canvas.patch(circle(x, y, 0.28 * size), canvas.accent)


def draw_dress(canvas, garment):
    """Fitted to the waist, then flared."""
    hem = {"short": 0.63, "medium": 0.79, "long": 0.96}[garment.length]
    flare = 0.17 + 0.15 * (hem - 0.45) / 0.5
    sides = [(0.155, 0.29), (0.115, 0.43), (0.118, 0.47), (flare, hem - 0.01), (flare, hem)]
    _bodice(canvas, garment, 0.185, [*sides, (flare * 0.5, hem + 0.015)])
    _folds(canvas, [(0.035, 0.53, 0.05, hem - 0.03), (0.085, 0.56, 0.075, hem - 0.05)])
    _hem(canvas, flare * 0.93, hem)
    if garment.trim == "belt":
        canvas.patch(mirrored([(0.122, 0.425), (0.122, 0.475)]), canvas.accent)
        canvas.patch(mirrored([(0.03, 0.42), (0.03, 0.48)]), (212, 168, 60))
    elif garment.trim == "bow":
        bow(canvas, 0.5, 0.45, 0.11)
    else:
        canvas.line([(0.385, 0.455), (0.5, 0.465), (0.615, 0.455)], 0.007)


def draw_shirt(canvas, garment):
    """Straight and wide."""
    hem = {"short": 0.56, "medium": 0.74, "long": 0.94}[garment.length]
    sides = [(0.205, 0.31), (0.20, 0.5), (0.205, hem), (0.205, hem), (0.1, hem + 0.01)]
    _bodice(canvas, garment, 0.225, sides)
    _folds(canvas, [(0.15, 0.36, -0.02, hem - 0.06)])
    _hem(canvas, 0.195, hem)
    _graphic(canvas, garment.graphic, 0.42)


def draw_toptee(canvas, garment):
    """Fitted at the waist, flared at the hem."""
    hem = {"short": 0.54, "medium": 0.72, "long": 0.93}[garment.length]
    flare = 0.165 + 0.13 * (hem - 0.4)
    sides = [(0.165, 0.29), (0.13, 0.44), (0.135, 0.50), (flare, hem - 0.01), (flare, hem)]
    _bodice(canvas, garment, 0.19, [*sides, (flare * 0.5, hem + 0.02)])
    _folds(canvas, [(0.1, 0.52, 0.05, hem - 0.04)])
    _hem(canvas, flare * 0.93, hem)
    _graphic(canvas, garment.graphic, 0.40)


def draw_jacket(canvas, garment):
    """Long sleeves, lapels, a zip, two pockets."""
    hem = {"short": 0.56, "medium": 0.75, "long": 0.95}[garment.length]
    sides = [(0.215, 0.32), (0.20, 0.5), (0.225, hem), (0.225, hem), (0.1, hem + 0.01)]
    _bodice(canvas, garment._replace(sleeves="long", neckline="v"), 0.225, sides, neck=0.095)
    half = [(0.0, 0.34), (0.06, 0.10), (0.115, 0.085), (0.135, 0.21), (0.10, 0.225)]
    pockets = both_sides([(0.07, hem - 0.13), (0.165, hem - 0.15)])
    for lapel, pocket in zip(both_sides(half), pockets, strict=True):
        canvas.piece(lapel)
        canvas.line(pocket, 0.018)
    canvas.line([(0.5, 0.32), (0.5, hem)], 0.018, canvas.accent)
    _hem(canvas, 0.215, hem)


def draw_pants(canvas, garment):
    """Two legs and a waistband."""
    hem = {"short": 0.42, "medium": 0.68, "long": 0.96}[garment.length]
    out = 0.175 + 0.02 * (hem < 0.5)
    legs = [(0.15, 0.08), (0.15, 0.08), (0.185, 0.26), (out, hem), (out, hem)]
    canvas.piece(smooth(mirrored([*legs, (0.05, hem), (0.05, hem), (0.012, 0.32)]), 2))
    canvas.patch(mirrored([(0.152, 0.07), (0.156, 0.125)]), blend(canvas.colour, (0, 0, 0), 0.3))
    canvas.line([(0.5, 0.12), (0.5, 0.33)], 0.010)
    for pocket in both_sides([(0.08, 0.13), (0.16, 0.20)]):
        canvas.line(pocket, 0.008)
    for seam in both_sides([(0.055, hem - 0.03), (out, hem - 0.03)]):
        canvas.line(seam, 0.007)
    _folds(canvas, [(0.105, 0.30, 0.005, hem - 0.05)])


def draw_skirt(canvas, garment):
    """A waistband and a flare."""
    hem = {"short": 0.44, "medium": 0.68, "long": 0.95}[garment.length]
    flare = 0.20 + 0.12 * hem
    half = [(0.12, 0.09), (0.12, 0.09), (0.17, 0.24), (flare, hem), (flare, hem)]
    canvas.piece(smooth(mirrored([*half, (flare * 0.5, hem + 0.02)])))
    canvas.patch(mirrored([(0.123, 0.075), (0.135, 0.135)]), blend(canvas.colour, (0, 0, 0), 0.3))
    _folds(canvas, [(0.03, 0.16, 0.04, hem - 0.02), (0.085, 0.18, 0.09, hem - 0.03)])
    _hem(canvas, flare * 0.95, hem)


CLOTHES = {
    "dress": draw_dress, "shirt": draw_shirt, "toptee": draw_toptee, "jacket": draw_jacket,
    "pants": draw_pants, "skirt": draw_skirt,
}  # fmt: skip
