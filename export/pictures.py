"""Bytes of a picture -> the model's input, as TensorFlow makes it, with numpy and Pillow alone.

TensorFlow decodes JPEG by libjpeg's fast integer transform (IFAST) with smooth ("fancy")
upsampling of the colours; Pillow offers the accurate one with, or the fast one without. So the
planes are taken from the fast one, as they are, and upsampling and colours done here in libjpeg's
integer arithmetic (jdsample.c, jdcolor.c).
"""

from io import BytesIO

import numpy as np
from PIL import Image

RGB_IDS = [ord(letter) for letter in "RGB"]  # of the components, in a JPEG without any marker
# What Cb and Cr add to the colours; to green, 65,536 times that.
COLOUR = np.arange(-128, 128, dtype=np.int32)
CR_TO_RED = ((91881 * COLOUR + 32768) >> 16).astype(np.int16)
CB_TO_BLUE = ((116130 * COLOUR + 32768) >> 16).astype(np.int16)
CB_TO_GREEN, CR_TO_GREEN = -22554 * COLOUR, 32768 - 46802 * COLOUR


def read_pixels(content):
    """Bytes of an image file -> uint8 [H, W, 3]; transparency and EXIF rotation are ignored."""
    with Image.open(BytesIO(content)) as image:
        if image.format in ("JPEG", "MPO"):
            return _read_jpeg(image)
        if image.mode.startswith("I;16"):
            return _grey(np.asarray(image) >> 8)
        return np.asarray(image.convert("RGB"))


def resize(pixels, size, legacy_grid=False):
    """uint8 [H, W, 3] -> float32 [size, size, 3] in [-1, 1], bilinear without antialias.

    legacy_grid: TensorFlow 1's, without half-pixel centres; export.json says which."""
    (top, bottom, down), (left, right, across) = (
        _grid(length, size, legacy_grid) for length in pixels.shape[:2]
    )
    down, across = down[:, None, None], across[None, :, None]

    def between(rows):
        first, second = (rows[:, side].astype(np.float32) for side in (left, right))
        return first + (second - first) * across

    upper, lower = between(pixels[top]), between(pixels[bottom])
    return (upper + (lower - upper) * down) / np.float32(127.5) - np.float32(1)


def _grid(length, size, legacy_grid):
    """-> for each of size places: the pixel before, the one after, the share of the latter."""
    place = np.arange(size, dtype=np.float32)
    half = np.float32(0 if legacy_grid else 0.5)
    place = (place + half) * (np.float32(length) / np.float32(size)) - half
    before = np.floor(place)
    after = np.minimum(np.ceil(place), length - 1).astype(int)
    return np.maximum(before, 0).astype(int), after, place - before


def _read_jpeg(image):
    coloured = image.mode == "RGB" and not _is_rgb(image)
    image.draft("YCbCr" if coloured else image.mode, None)
    factors = [layer[1:3] for layer in image.layer]
    across, down = (max(sides) for sides in zip(*factors, strict=True))
    # YCCK's colours come out mixed, past smoothing: if need be, Pillow smooths, a bit otherwise.
    smooth = not (image.mode == "CMYK" and image.info.get("adobe_transform"))
    if smooth or len(set(factors)) == 1:
        image.decoderconfig = (1, 1)  # full size; IFAST, each sample of a colour repeated
    planes = np.asarray(image)
    if planes.ndim == 2:
        return _grey(planes)
    if image.mode == "CMYK":
        planes = 255 - planes  # as they are stored
    if smooth:
        each = zip(np.moveaxis(planes, 2, 0), factors, strict=True)
        planes = [_smooth(plane, across // x, down // y) for plane, (x, y) in each]
        planes = np.stack(planes, axis=2)
    if image.mode == "CMYK":
        light = (planes if "adobe" in image.info else 255 - planes).astype(np.int32)
        return (light[..., :3] * light[..., 3:] // 255).astype(np.uint8)
    return _to_rgb(planes) if coloured else planes


def _grey(plane):
    return np.repeat(plane[..., None].astype(np.uint8), 3, axis=2)


def _is_rgb(image):
    """Whether a JPEG of three components holds red, green and blue: jdapimin.c."""
    if "jfif" in image.info:
        return False
    if "adobe_transform" in image.info:
        return image.info["adobe_transform"] == 0
    return [layer[0] for layer in image.layer] == RGB_IDS


def _smooth(plane, across, down):
    """A plane [H, W] whose samples stand repeated -> between each two, 3 parts of the nearer."""
    height, width = plane.shape
    small = plane[::down, ::across].astype(np.int32)
    if (across, down) == (2, 1) and small.shape[1] > 2:
        smooth = _doubled(small, 1, 1, 2) >> 2
    elif (across, down) == (2, 2) and small.shape[1] > 2:
        smooth = _doubled(_doubled(small, 0, 0, 0), 1, 8, 7) >> 4
    elif (across, down) == (1, 2):
        smooth = _doubled(small, 0, 1, 2) >> 2
    else:
        return plane
    return smooth[:height, :width].astype(np.uint8)


def _doubled(plane, axis, round_first, round_second):
    """[..., n, ...] -> [..., 2 n, ...]: four times the values between neighbours, not yet shifted.

    round_first, round_second: added to those before and after each sample."""
    plane = np.moveaxis(plane, axis, 0)
    before = np.concatenate([plane[:1], plane[:-1]])
    after = np.concatenate([plane[1:], plane[-1:]])
    both = np.stack([3 * plane + before + round_first, 3 * plane + after + round_second], axis=1)
    return np.moveaxis(both.reshape(-1, *plane.shape[1:]), 0, axis)


def _to_rgb(planes):
    """uint8 [H, W, 3] of Y, Cb, Cr -> of red, green, blue."""
    y, cb, cr = planes[..., 0].astype(np.int16), planes[..., 1], planes[..., 2]
    rgb = np.empty_like(planes)
    rgb[..., 0] = np.clip(y + CR_TO_RED[cr], 0, 255)
    rgb[..., 1] = np.clip(y + ((CB_TO_GREEN[cb] + CR_TO_GREEN[cr]) >> 16), 0, 255)
    rgb[..., 2] = np.clip(y + CB_TO_BLUE[cb], 0, 255)
    return rgb
