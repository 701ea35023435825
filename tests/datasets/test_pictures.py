"""People's pictures become pixels as people see them; numpy resizes as TensorFlow, bit for bit."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from datasets.image_files import decode_picture
from datasets.images import decode_pixels
from datasets.images import resize as tensorflows_resize
from datasets.pictures import resize
from tests.datasets.test_image_files import encoded, png

SIZES = ((96, 96), (1, 1), (2, 3), (3, 5), (5, 2), (17, 33), (101, 50), (64, 1), (1, 64))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# A profile whose red is sRGB's blue and whose blue its red.
SWAPPED = SRGB.replace(b"rXYZ", b"xXYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"xXYZ", b"bXYZ")


def picture(width=40, height=30, mode="RGB"):
    """Smooth colours with some noise."""
    rng = np.random.default_rng(width * height)
    coarse = Image.fromarray(rng.integers(0, 256, (height // 7 + 2, width // 7 + 2, 3), np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def largest_difference(pixels, others):
    return np.abs(pixels.astype(int) - np.asarray(others)).max()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_lossless_pictures_are_those_of_the_published_decoder(mode):
    content = encoded(picture(mode=mode), "PNG")
    assert np.array_equal(decode_picture(content), decode_pixels(content))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_are_nearly_those_of_the_published_decoder(size, mode):
    content = encoded(picture(*size, mode), "JPEG", quality=85)
    assert largest_difference(decode_picture(content), decode_pixels(content)) <= 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(picture(), kind, exif=exif)
    with Image.open(BytesIO(content)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image.convert("RGB")))
    assert np.array_equal(decode_picture(content), expected)
    assert decode_pixels(content).shape == (30, 40, 3)


@pytest.mark.parametrize("broken", [dict(exif=b"Exif\0\0XX*\0 no TIFF"), dict(icc_profile=b"no")])
def test_broken_exif_and_profiles_count_as_none(broken):
    content, whole = encoded(picture(), "JPEG", **broken), encoded(picture(), "JPEG")
    assert np.array_equal(decode_picture(content), decode_picture(whole))


def cut_out(mode):
    """-> a PNG in which all places of one colour are transparent, its twin on white."""
    seen = picture().quantize(16).convert(mode.removesuffix("A"))
    values = np.asarray(seen)
    colour = values[10, 10]
    hole = (values == colour).reshape(30, 40, -1).all(axis=2)
    twin = np.where(hole[..., None], 255, seen.convert("RGB"))
    if mode.endswith("A"):
        seen.putalpha(Image.fromarray(np.where(hole, 0, 255).astype(np.uint8)))
        return encoded(seen, "PNG"), twin
    return encoded(seen, "PNG", transparency=colour.tolist()), twin


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_transparency_is_laid_over_white(mode):
    content, twin = cut_out(mode)
    assert np.array_equal(decode_picture(content), twin)
    assert not np.array_equal(decode_pixels(content), twin)  # as published, it is ignored


def test_half_transparency_is_half_white():
    content = encoded(Image.new("RGBA", (3, 2), (200, 0, 40, 128)), "WEBP", lossless=True)
    assert largest_difference(decode_picture(content), [227, 127, 147]) <= 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_embedded_profile_becomes_srgb(mode):
    image = picture(mode=mode)
    expected = np.asarray(image)[..., 2::-1]
    content = encoded(image, "PNG", icc_profile=SWAPPED)
    assert largest_difference(decode_picture(content), expected) <= 2
    same = encoded(image, "PNG", icc_profile=SRGB)
    assert largest_difference(decode_picture(same), decode_pixels(same)) <= 1


@pytest.mark.parametrize("mode", ["L", "LA", "CMYK"])
def test_a_profile_of_other_colours_counts_as_none(mode):
    kind, image = "JPEG" if mode == "CMYK" else "PNG", picture(mode=mode)
    with_profile, without = encoded(image, kind, icc_profile=SWAPPED), encoded(image, kind)
    assert np.array_equal(decode_picture(with_profile), decode_picture(without))


def png_of_16_bit(colour_type, channels, transparent=b""):
    """-> (its bytes, values [8, 9, channels])"""
    pixels = np.random.default_rng(0).integers(0, 2**16, (8, 9 * channels), np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(9, 8, rows, 16, colour_type, transparent), pixels.reshape(8, 9, channels)


@pytest.mark.parametrize("colour_type, channels", [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bits_keep_their_greys_and_colours(colour_type, channels):
    content, values = png_of_16_bit(colour_type, channels)
    colours, alpha = values, 255
    if channels in (2, 4):
        colours, alpha = values[..., :-1], (values[..., -1:] >> 8).astype(float)
    expected = ((colours >> 8) * alpha + 255 * (255 - alpha)) / 255
    assert largest_difference(decode_picture(content), expected) <= 1


def test_one_grey_of_16_bits_may_be_transparent():
    first = int(png_of_16_bit(0, 1)[1][0, 0, 0])
    content, values = png_of_16_bit(0, 1, struct.pack(">H", first))
    expected = np.where(values == first, 255, values >> 8)
    assert np.array_equal(decode_picture(content), np.repeat(expected, 3, axis=2))


@pytest.mark.parametrize("legacy_grid", [False, True])
def test_resize(legacy_grid):
    for width, height in SIZES:
        pixels = np.asarray(picture(width, height))
        for size in (1, 64, 96, 224):
            expected = tensorflows_resize(pixels, (size, size), legacy_grid)
            assert np.array_equal(resize(pixels, size, legacy_grid), expected)
