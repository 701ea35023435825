"""Is a file a picture that training can read? Asked by the download and by datasets/check_data.py.

Accepted: JPEG and PNG of any colour mode (grey, palette, CMYK, 16 bit), which decode to RGB. EXIF
rotation is not applied, as in the published code.
"""

from io import BytesIO
from pathlib import Path

from PIL import Image

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 25_000_000  # before decoding: a file of some bytes can claim any size
MAGIC = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n"}
PNG_END = b"IEND\xaeB`\x82"
TRUNCATED = "truncated or corrupt"


def check_image(path):
    """None for a readable image, else the reason in a few words (no reason holds the path)."""
    try:
        size = Path(path).stat().st_size
        if size == 0:
            return "empty file"
        if size > MAX_BYTES:
            return f"over {MAX_BYTES // 2**20} MiB"
        content = Path(path).read_bytes()
    except OSError as error:
        return f"unreadable: {error.strerror}"
    if not content.startswith(tuple(MAGIC.values())):
        return "HTML or XML page" if content[:512].lstrip()[:1] == b"<" else "not a JPEG or PNG"
    if content.startswith(MAGIC["PNG"]) and PNG_END not in content:
        return TRUNCATED  # Pillow would not mind, TensorFlow does
    try:
        # Opening reads the header only; Pillow itself refuses above 179 megapixels.
        with Image.open(BytesIO(content), formats=tuple(MAGIC)) as image:
            if image.width * image.height > MAX_PIXELS:
                return f"over {MAX_PIXELS // 10**6} megapixels"
            image.verify()  # the checksums of a PNG, which loading leaves out
        with Image.open(BytesIO(content), formats=tuple(MAGIC)) as image:
            image.load()
    except Image.DecompressionBombError:
        return f"over {MAX_PIXELS // 10**6} megapixels"
    except Exception:  # a decoder given hostile bytes raises anything, struct.error for one
        return TRUNCATED
    return None
