"""Pictures that people bring, as they see them, with numpy and Pillow alone: rotated, on white, in
sRGB. Copied into every export, so it imports nothing of ours; what is let in here, and how large,
says datasets/image_files.py."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

DECODER = "pillow"  # names these pixels, where features or pixels of two decoders could meet
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp")  # in lower case
ORIENTATION = 0x0112  # EXIF tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip


def as_seen(image):
    """An opened Pillow image -> RGB; of an animation the first frame. Broken EXIF data and broken
    colour profiles count as none."""
    turn, profile = _turn(image), image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = _eight_bit(image)
    alpha = None
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        alpha, image = seen.getchannel("A"), seen if image.mode[0] in "PR" else image
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode in ("1", "LA") else "RGB")
    image = _in_srgb(image, profile)
    if alpha:
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=alpha)
        image = white
    return image.transpose(turn) if turn is not None else image


def _turn(image):
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif"))
        return TURNS.get(exif.get(ORIENTATION))
    except Exception:  # a parser given hostile bytes raises anything
        return None


def _eight_bit(image):
    """Grey of 16 bits -> of 8; one value may stand for transparency."""
    pixels = np.asarray(image)
    grey = (pixels >> 8).astype(np.uint8)
    grey[pixels == image.info.get("transparency", -1)] = 255
    return Image.fromarray(grey)


def _in_srgb(image, profile):
    """L, RGB or CMYK with the bytes of a colour profile, or None -> RGB."""
    if profile:
        try:
            own, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")
        except (OSError, ImageCms.PyCMSError):
            pass
    return image.convert("RGB")


def resize(pixels, size, legacy_grid=False):
    """uint8 [H, W, 3] -> float32 [size, size, 3] in [-1, 1], bilinear without antialias: bit for
    bit as TensorFlow does it (datasets/images.py).

    legacy_grid: TensorFlow 1's, without half-pixel centres."""
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
