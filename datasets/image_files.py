"""Which files are pictures: one rule for the download, the check, training, extraction and the
catalogue. Imports no TensorFlow; what passes here becomes pixels by datasets/images.py for the
released data sets, as published, and by decode_picture for the pictures that people bring.

Accepted: JPEG, PNG, WebP, GIF and BMP of any colour mode (grey, palette, CMYK, 16 bit), of an
animation the first frame.
"""

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from command_line.errors import InputError
from datasets.pictures import as_seen

MAX_BYTES = 20 * 2**20
MOST_MEGAPIXELS = 25  # before decoding: a file of some bytes can claim any size
PILLOWS_MEGAPIXELS = Image.MAX_IMAGE_PIXELS // 10**6  # 89; above it Pillow itself warns, refuses
MEGAPIXELS = "megapixels"  # ends the reason of a picture that another limit would let in
MAX_SCANS = 100  # of a JPEG: each is a pass over all its pixels, of some bytes; a camera's has 1
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"BM")
JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # not within coded pixels
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
TRUNCATED = "truncated or corrupt"
UNREADABLE = "unreadable: "  # begins a reason that is no verdict about the bytes


def read_content(path):
    """Bytes of a file. Raises InputError with the reason, as do all functions here: a few words
    that hold no path."""
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise InputError(f"over {MAX_BYTES // 2**20} MiB")
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{UNREADABLE}{error.strerror}") from None


def read_format(content, most_megapixels=MOST_MEGAPIXELS):
    """Bytes -> one of FORMATS, before anything is decoded."""
    if not content:
        raise InputError("empty file")
    if not content.startswith(MAGIC):
        web_page = content[:512].lstrip()[:1] == b"<"
        raise InputError("HTML or XML page" if web_page else "not a JPEG, PNG, WebP, GIF or BMP")
    too_large = InputError(f"over {most_megapixels} {MEGAPIXELS}")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            (width, height), kind = image.size, image.format
    except Image.DecompressionBombError:  # Pillow's own limit, above ours
        raise too_large from None
    except Exception:  # a parser given hostile bytes raises anything
        raise InputError(TRUNCATED) from None
    if width * height > most_megapixels * 10**6:
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


def require_megapixels(most):
    """Raises InputError for a limit that Pillow would not take."""
    if not 1 <= most <= PILLOWS_MEGAPIXELS:
        raise InputError(f"--most_megapixels={most}: must be 1 to {PILLOWS_MEGAPIXELS}", 2)


def open_picture(content, most_megapixels=MOST_MEGAPIXELS):
    """Bytes of a picture that people bring -> the picture as they see it, in RGB."""
    read_format(content, most_megapixels)
    return _open(content, as_seen)


def decode_picture(content, most_megapixels=MOST_MEGAPIXELS):
    """The pixels of open_picture, uint8 [H, W, 3]."""
    return np.asarray(open_picture(content, most_megapixels))


def open_rgb(content):
    """Bytes -> the picture in RGB as it is stored, without rotation, transparency, profile."""
    return _open(content, lambda image: image.convert("RGB"))


def _open(content, convert):
    """Bytes -> convert(the picture, opened by Pillow)."""
    try:
        if content.startswith(b"\x89PNG"):
            if PNG_END not in content:
                raise InputError(TRUNCATED)  # Pillow would not mind, TensorFlow does
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                image.verify()  # the checksums, which loading leaves out
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            return convert(image)
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


def open_images(files):
    """Opens every file, on all cores -> ({path: why not}, {path: digest, None if not})."""
    reasons, digests = {}, {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding lets other threads run
        results = pool.map(_reason_and_digest, files)
        for path, (reason, digest) in zip(
            files, tqdm(results, total=len(files), desc="decoding", unit="image"), strict=True
        ):
            if reason:
                reasons[path] = reason
            digests[path] = digest
    return reasons, digests


def _reason_and_digest(path):
    reason = check_image(path)
    return reason, None if reason else hashlib.sha1(Path(path).read_bytes()).hexdigest()
