"""Pictures people have, and files that only look like them. All drawn here."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from datasets.image_files import check_image


def encoded(image, kind, **options):
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(mode="RGB", size=(40, 30)):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(noise).convert(mode)


def huge_png(width, height):
    """A well-formed PNG of some bytes that claims width x height grey pixels."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data


def rotated():
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotate by 90 degrees
    return encoded(picture(), "JPEG", exif=exif)


GOOD = {
    "rgb.jpg": encoded(picture(), "JPEG"),
    "grey.jpg": encoded(picture("L"), "JPEG"),
    "cmyk.jpg": encoded(picture("CMYK"), "JPEG"),
    "progressive.jpg": encoded(picture(), "JPEG", progressive=True),
    "rotated.jpg": rotated(),
    "named_jpg_is_png.jpg": encoded(picture(), "PNG"),
    "palette.png": encoded(picture("P"), "PNG"),
    "alpha.png": encoded(picture("RGBA"), "PNG"),
    "sixteen_bit.png": encoded(picture("I;16"), "PNG"),
    "one_pixel.png": encoded(picture(size=(1, 1)), "PNG"),
}
JPEG = encoded(picture(size=(400, 300)), "JPEG")
FRAMES = [picture("P"), picture("L").convert("P")]
BAD = {
    "empty file": b"",
    "HTML or XML page": b"\n <!DOCTYPE html><html>404</html>",
    "not a JPEG or PNG": encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
    "truncated or corrupt": JPEG[: len(JPEG) // 2],
    "over 25 megapixels": huge_png(60_000, 60_000),
    "over 20 MiB": JPEG + bytes(20 * 2**20),
}


@pytest.mark.parametrize("name", GOOD)
def test_good(tmp_path, name):
    (tmp_path / name).write_bytes(GOOD[name])
    assert check_image(tmp_path / name) is None


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


def test_no_file(tmp_path):
    assert check_image(tmp_path / "x.jpg") == "unreadable: No such file or directory"


def test_training_reads_what_is_good(tmp_path):
    images = pytest.importorskip("images")
    for name, content in GOOD.items():
        (tmp_path / name).write_bytes(content)
        pixels = images.read_pixels(tmp_path / name)
        height, width = (1, 1) if name == "one_pixel.png" else (30, 40)
        assert pixels.shape == (height, width, 3) and pixels.dtype == np.uint8, name
