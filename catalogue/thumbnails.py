"""Small pictures of a catalogue's files, as people see them, for pages and sheets."""

import io

from PIL import Image, ImageOps

from datasets.image_files import open_picture


def thumbnail(content, size, most_megapixels):
    """Bytes of an image file -> the picture in RGB, fitted into size x size.

    Raises InputError with the reason for bytes that are no picture, or one of too many pixels."""
    picture = open_picture(content, most_megapixels)
    return ImageOps.contain(picture, (size, size), Image.Resampling.LANCZOS)


def jpeg(content, size, most_megapixels):
    """Bytes of an image file -> a JPEG of its thumbnail. Raises InputError as thumbnail."""
    buffer = io.BytesIO()
    thumbnail(content, size, most_megapixels).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
