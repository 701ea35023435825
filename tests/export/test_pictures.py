"""numpy and Pillow decode and resize as TensorFlow does, bit for bit."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from datasets.images import decode_pixels
from datasets.images import resize as tensorflows_resize
from export.pictures import read_pixels, resize

SIZES = ((96, 96), (1, 1), (2, 3), (3, 5), (5, 2), (17, 33), (101, 50), (64, 1), (1, 64))


def picture(width, height, mode="RGB"):
    """Smooth colours with some noise."""
    rng = np.random.default_rng(width * height)
    coarse = Image.fromarray(rng.integers(0, 256, (height // 7 + 2, width // 7 + 2, 3), np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def encoded(image, kind="JPEG", **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def assert_same(content):
    expected, ours = decode_pixels(content), read_pixels(content)
    assert ours.dtype == np.uint8 and np.array_equal(ours, expected)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_jpeg(size):
    for subsampling in (0, 1, 2):  # 4:4:4, 4:2:2, 4:2:0
        for progressive in (False, True):
            options = dict(subsampling=subsampling, progressive=progressive, quality=85)
            assert_same(encoded(picture(*size), **options))
    for mode in ("L", "CMYK"):
        assert_same(encoded(picture(*size, mode)))
    assert_same(encoded(picture(*size), keep_rgb=True))


@pytest.mark.parametrize("subsampling, factors", [(1, 0x12), (2, 0x41)], ids=["4:4:0", "4:1:1"])
def test_jpeg_of_rarer_sampling(subsampling, factors):
    """Pillow doesn't write them: as many blocks, declared to lie otherwise."""
    content = bytearray(encoded(picture(64, 64), subsampling=subsampling))
    start_of_frame = content.index(b"\xff\xc0")
    content[start_of_frame + 11] = factors  # of the first component
    assert_same(bytes(content))


@pytest.mark.parametrize("subsampling", [0, 2])
def test_jpeg_of_four_colours(subsampling):
    content = encoded(picture(50, 33, "CMYK"), subsampling=subsampling)
    assert_same(content)
    assert_same(content.replace(b"Adobe", b"other"))
    place = content.index(b"Adobe") + 11  # 2: the first three are Y, Cb, Cr
    content = content[:place] + b"\x02" + content[place + 1 :]
    if subsampling == 0:
        assert_same(content)
    else:  # the one kind that is Pillow's own, a bit otherwise
        difference = decode_pixels(content).astype(int) - read_pixels(content)
        assert 0 < np.abs(difference).max() <= 5


def test_pillows_own_decoding_differs():
    """Else read_pixels could be one line."""
    content = encoded(picture(96, 96), subsampling=2)
    with Image.open(BytesIO(content)) as image:
        assert not np.array_equal(np.asarray(image), decode_pixels(content))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_png(mode):
    assert_same(encoded(picture(33, 20, mode), "PNG"))


@pytest.mark.parametrize("colour_type, channels", [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_png_of_16_bit(colour_type, channels):
    pixels = np.random.default_rng(0).integers(0, 2**16, (8, 9 * channels), np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(name, data):
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = struct.pack(">IIBBBBB", 9, 8, 16, colour_type, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert_same(b"\x89PNG\r\n\x1a\n" + chunks)


@pytest.mark.parametrize("legacy_grid", [False, True])
def test_resize(legacy_grid):
    for width, height in SIZES:
        pixels = np.asarray(picture(width, height))
        for size in (1, 64, 96, 224):
            expected = tensorflows_resize(pixels, (size, size), legacy_grid)
            assert np.array_equal(resize(pixels, size, legacy_grid), expected)
