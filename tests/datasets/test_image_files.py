"""Pictures people have, and files that only look like them. All drawn here."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from command_line.errors import InputError
from datasets.image_files import check_image, decode_picture
from datasets.images import decode_pixels, read_pixels


def encoded(image, kind, **options):
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(mode="RGB", size=(40, 30)):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(noise).convert(mode)


def png(width, height, rows, bits=8, colour_type=0, transparent=b""):
    """A well-formed PNG, whatever its rows hold."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    chunks = [b"IHDR" + header, b"IDAT" + zlib.compress(rows), b"IEND"]
    if transparent:
        chunks.insert(1, b"tRNS" + transparent)
    framed = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def huge_png(width, height):
    """Some bytes that claim width x height grey pixels."""
    return png(width, height, b"\0" * 100)


def rotated():
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotate by 90 degrees
    return encoded(picture(), "JPEG", exif=exif)


FRAMES = [picture("P"), picture("L").convert("P")]
ANIMATED = dict(save_all=True, append_images=FRAMES[1:])
GOOD = {
    "rgb.jpg": encoded(picture(), "JPEG"),
    "grey.jpg": encoded(picture("L"), "JPEG"),
    "cmyk.jpg": encoded(picture("CMYK"), "JPEG"),
    "progressive.jpg": encoded(picture(), "JPEG", progressive=True),
    "with_a_video.jpg": encoded(picture(), "JPEG") + b"\xff\xda" * 200,
    "rotated.jpg": rotated(),
    "named_jpg_is_png.jpg": encoded(picture(), "PNG"),
    "palette.png": encoded(picture("P"), "PNG"),
    "alpha.png": encoded(picture("RGBA"), "PNG"),
    "sixteen_bit.png": encoded(picture("I;16"), "PNG"),
    "one_pixel.png": encoded(picture(size=(1, 1)), "PNG"),
    "two_views.jpg": encoded(picture(), "MPO", save_all=True, append_images=[picture("L")]),
    "lossy.webp": encoded(picture(), "WEBP"),
    "alpha.webp": encoded(picture("RGBA"), "WEBP"),
    "animated.webp": encoded(FRAMES[0], "WEBP", lossless=True, **ANIMATED),
    "animated.gif": encoded(FRAMES[0], "GIF", **ANIMATED),
    "grey.gif": encoded(picture("L"), "GIF"),
    "rgb.bmp": encoded(picture(), "BMP"),
    "palette.bmp": encoded(picture("P"), "BMP"),
    "two_colours.bmp": encoded(picture("1"), "BMP"),
}
JPEG = encoded(picture(size=(400, 300)), "JPEG")
PROGRESSIVE = encoded(picture(), "JPEG", progressive=True)
LAST_SCAN = PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda") : -2]
BAD = {
    "empty file": b"",
    "HTML or XML page": b"\n <!DOCTYPE html><html>404</html>",
    "not a JPEG, PNG, WebP, GIF or BMP": encoded(FRAMES[0], "TIFF"),
    "truncated or corrupt": JPEG[: len(JPEG) // 2],
    "over 25 megapixels": huge_png(60_000, 60_000),
    "over 100 scans": PROGRESSIVE[:-2] + 100 * LAST_SCAN + PROGRESSIVE[-2:],
    "over 20 MiB": JPEG + bytes(20 * 2**20),
}


@pytest.mark.parametrize("name", GOOD)
def test_training_reads_what_is_good(tmp_path, name):
    (tmp_path / name).write_bytes(GOOD[name])
    assert check_image(tmp_path / name) is None
    pixels = read_pixels(tmp_path / name)
    height, width = (1, 1) if name == "one_pixel.png" else (30, 40)
    assert pixels.shape == (height, width, 3) and pixels.dtype == np.uint8


@pytest.mark.parametrize("reason", BAD)
def test_bad(tmp_path, reason):
    (tmp_path / "x.jpg").write_bytes(BAD[reason])
    assert check_image(tmp_path / "x.jpg") == reason


PNG = encoded(picture(), "PNG")


@pytest.mark.parametrize(
    "content",
    [
        JPEG[:3],
        JPEG[:100],
        JPEG[:-1],
        PNG[:-300],
        PNG[:-1],
        PNG[:500] + bytes([PNG[500] ^ 1]) + PNG[501:],
        PNG[:8],
        huge_png(0, 10),
        huge_png(100, 100),  # too few pixels
    ],
)
def test_truncated(tmp_path, content):
    (tmp_path / "x.jpg").write_bytes(content)
    assert check_image(tmp_path / "x.jpg") == "truncated or corrupt"


def test_pixel_cap_comes_before_decoding(tmp_path):
    (tmp_path / "x.png").write_bytes(huge_png(5001, 5000))
    assert check_image(tmp_path / "x.png") == "over 25 megapixels"
    (tmp_path / "x.png").write_bytes(encoded(Image.new("1", (5000, 5000)), "PNG"))
    assert check_image(tmp_path / "x.png") is None
    with pytest.raises(InputError, match="over 24 megapixels"):
        decode_picture((tmp_path / "x.png").read_bytes(), 24)


def test_no_file(tmp_path):
    assert check_image(tmp_path / "x.jpg") == "unreadable: No such file or directory"


@pytest.mark.parametrize("name", ["animated.webp", "animated.gif", "palette.bmp", "rgb.bmp"])
def test_the_first_frame_has_its_colours(tmp_path, name):
    expected = picture() if name == "rgb.bmp" else FRAMES[0].convert("RGB")
    assert np.array_equal(decode_pixels(GOOD[name]), expected)


def damaged(content, rng):
    """Cut and flipped versions of a file."""
    for length in (1, 3, 12, 40, len(content) // 2, len(content) - 1):
        yield content[:length]
    for place in rng.integers(0, len(content), 30).tolist():
        yield content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]


@pytest.mark.parametrize("name", GOOD)
def test_the_check_and_both_decoders_refuse_the_same_for_the_same_reason(tmp_path, name):
    refused = 0
    for content in damaged(GOOD[name], np.random.default_rng(0)):
        (tmp_path / "x.jpg").write_bytes(content)
        checked = check_image(tmp_path / "x.jpg")
        for decode in (decode_pixels, decode_picture):
            read = None
            try:
                decode(content)
            except InputError as error:
                read = str(error)
            assert checked == read
        refused += checked is not None
    assert refused >= 3
