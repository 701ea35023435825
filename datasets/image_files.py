"""Which files are pictures: one rule for the download, the check, training, extraction and the
catalogue. Imports no TensorFlow; datasets/images.py makes pixels of what passes here.

Accepted: JPEG, PNG, WebP, GIF and BMP of any colour mode (grey, palette, CMYK, 16 bit), of an
animation the first frame. Transparency is ignored and EXIF rotation not applied, as in the
published code; the catalogue applies it.
"""

import re
from io import BytesIO
from pathlib import Path

from PIL import Image

from command_line.errors import InputError

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 25_000_000  # before decoding: a file of some bytes can claim any size
MAX_SCANS = 100  # of a JPEG: each is a pass over all its pixels, of some bytes; a camera's has 1
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"BM")
SUFFIXES = {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".gif", ".bmp"}  # in lower case
JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # not within coded pixels
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
TRUNCATED = "truncated or corrupt"
UNREADABLE = "unreadable: "  # begins a reason that is no verdict about the bytes
ORIENTATION = 0x0112  # EXIF tag


def read_content(path):
    """Bytes of a file. Raises InputError with the reason, as do all functions here: a few words
    that hold no path."""
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise InputError(f"over {MAX_BYTES // 2**20} MiB")
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{UNREADABLE}{error.strerror}") from None


def read_format(content):
    """Bytes -> one of FORMATS, before anything is decoded."""
    if not content:
        raise InputError("empty file")
    if not content.startswith(MAGIC):
        web_page = content[:512].lstrip()[:1] == b"<"
        raise InputError("HTML or XML page" if web_page else "not a JPEG, PNG, WebP, GIF or BMP")
    too_large = InputError(f"over {MAX_PIXELS // 10**6} megapixels")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            (width, height), kind = image.size, image.format
    except Image.DecompressionBombError:  # Pillow's own limit, above ours
        raise too_large from None
    except Exception:  # a parser given hostile bytes raises anything
        raise InputError(TRUNCATED) from None
    if width * height > MAX_PIXELS:
        raise too_large
    if kind in ("JPEG", "MPO") and count_scans(content) > MAX_SCANS:
        raise InputError(f"over {MAX_SCANS} scans")
    # MPO is what Pillow calls a JPEG of a camera that stores a second view behind the first.
    return "JPEG" if kind == "MPO" else kind


def count_scans(jpeg):
    """Bytes of a JPEG -> passes over its pixels, of the first picture in it."""
    scans, place = 0, 2
    while marker := JPEG_MARKER.search(jpeg, place):
        if marker[0] == b"\xff\xd9":  # its end
            break
        scans += marker[0] == b"\xff\xda"
        place = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
    return scans


def read_orientation(content):
    """Bytes of an image -> its EXIF orientation, 1 to 8; 1, as it lies, where it has none."""
    with Image.open(BytesIO(content), formats=FORMATS) as image:
        exif = Image.Exif()
        try:
            exif.load(image.info.get("exif"))
            orientation = exif.get(ORIENTATION)
        except Exception:  # as above: broken EXIF makes no picture unreadable
            orientation = None
    return orientation if orientation in range(1, 9) else 1


def turn(pixels, orientation):
    """pixels [H, W, 3], EXIF orientation 1 to 8 -> as the photographer saw it."""
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    return pixels.transpose(1, 0, 2) if orientation > 4 else pixels


def open_rgb(content):
    """Bytes -> the picture, decoded by Pillow, in RGB."""
    try:
        if content.startswith(b"\x89PNG"):
            if PNG_END not in content:
                raise InputError(TRUNCATED)  # Pillow would not mind, TensorFlow does
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                image.verify()  # the checksums, which loading leaves out
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            return image.convert("RGB")
    except Exception:  # as above; struct.error for one
        raise InputError(TRUNCATED) from None


def check_image(path):
    """None for a readable image, else the reason."""
    try:
        content = read_content(path)
        read_format(content)
        open_rgb(content)
    except InputError as error:
        return str(error)
    return None
