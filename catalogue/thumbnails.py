"""Small upright pictures of a catalogue's files, for pages and sheets."""

import io

from PIL import Image, ImageOps

from command_line.errors import InputError
from datasets.image_files import FORMATS, TRUNCATED, read_format


def thumbnail(content, size):
    """Bytes of an image file -> the picture in RGB, upright, fitted into size x size.

    Raises InputError with the reason for bytes that are no picture."""
    read_format(content)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            image.draft("RGB", (2 * size, 2 * size))
            turned = ImageOps.exif_transpose(image)
            return ImageOps.contain(turned.convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    except Exception:  # a decoder given hostile bytes raises anything
        raise InputError(TRUNCATED) from None


def jpeg(content, size):
    """Bytes of an image file -> a JPEG of its thumbnail. Raises InputError as thumbnail."""
    buffer = io.BytesIO()
    thumbnail(content, size).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
