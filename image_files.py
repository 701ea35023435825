"""Is a file a picture that training can read? Asked by the download and by check_data.py.

Accepted: JPEG and PNG of any colour mode (grey, palette, CMYK, 16 bit), which decode to RGB. EXIF
rotation is not applied, as in the published code.
"""

from pathlib import Path

from PIL import Image

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 25_000_000  # before decoding: a file of some bytes can claim any size
MAGIC = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n"}
TRUNCATED = "truncated or corrupt"


def check_image(path):
    """None for a readable image, else the reason in a few words (no reason holds the path)."""
    try:
        size = Path(path).stat().st_size
        if size == 0:
            return "empty file"
        if size > MAX_BYTES:
            return f"over {MAX_BYTES // 2**20} MiB"
        with Path(path).open("rb") as file:
            start = file.read(512)
    except OSError as error:
        return f"unreadable: {error.strerror}"
    if not start.startswith(tuple(MAGIC.values())):
        return "HTML or XML page" if start.lstrip()[:1] == b"<" else "not a JPEG or PNG"
    try:
        # Opening reads the header only; Pillow itself refuses above 179 megapixels.
        with Image.open(path, formats=tuple(MAGIC)) as image:
            if image.width * image.height > MAX_PIXELS:
                return f"over {MAX_PIXELS // 10**6} megapixels"
            image.verify()  # all chunks of a PNG, up to its end: loading stops before
        with Image.open(path, formats=tuple(MAGIC)) as image:
            image.load()
    except Image.DecompressionBombError:
        return f"over {MAX_PIXELS // 10**6} megapixels"
    except Exception:  # a decoder given hostile bytes raises anything, struct.error for one
        return TRUNCATED
    return None
