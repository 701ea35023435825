"""From files to squares in [-1, 1]."""

import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from command_line.errors import InputError
from datasets.images import image_batches, iterate, load_augmented, read_pixels, resize
from tests.datasets.test_image_files import JPEG, png


def bilinear(pixels, size, legacy_grid):
    """Plain-loop bilinear resize without antialias."""
    height, width, _ = pixels.shape
    out = np.zeros((size, size, 3))
    for y in range(size):
        for x in range(size):
            shift = 0 if legacy_grid else 0.5
            fy = max((y + shift) * height / size - shift, 0)
            fx = max((x + shift) * width / size - shift, 0)
            y0, x0 = int(fy), int(fx)
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            top = pixels[y0, x0] * (1 - fx + x0) + pixels[y0, x1] * (fx - x0)
            low = pixels[y1, x0] * (1 - fx + x0) + pixels[y1, x1] * (fx - x0)
            out[y, x] = top * (1 - fy + y0) + low * (fy - y0)
    return out / 127.5 - 1


@pytest.mark.parametrize("legacy_grid", [False, True])
@pytest.mark.parametrize("shape", [(7, 5), (16, 24)])
def test_resize_agrees_with_a_loop(shape, legacy_grid):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    ours = resize(pixels, (10, 10), legacy_grid)
    np.testing.assert_allclose(ours, bilinear(pixels, 10, legacy_grid), atol=1e-5)


def test_augmentation_crops_and_flips(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    path = tf.constant(str(tmp_path / "a.png"))
    image = tf.function(load_augmented)(
        path, tf.constant(12), tf.constant([1, 3]), tf.constant(True), 8, False
    )
    np.testing.assert_allclose(image, pixels[1:9, 3:11][:, ::-1] / 127.5 - 1, atol=1e-6)


BROKEN = (b"", b"<html>not found</html>", b"\xff\xd8\xff\xe0 cut", JPEG[:900])


@pytest.mark.parametrize("content", BROKEN, ids=["empty", "page", "header", "truncated"])
def test_an_unreadable_image_is_named_in_a_pipeline_without_inner_words(tmp_path, content):
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    Image.new("RGB", (9, 9)).save(good)
    bad.write_bytes(content)
    with pytest.raises(InputError, match=rf"^{bad}: not a readable image") as error:
        list(iterate(image_batches([good, bad], 32, 1, False)))
    assert not re.search(r"[{}\[]|__wrapped__", str(error.value)), error.value


@pytest.mark.parametrize("size", [(60_000, 60_000), (25_001, 1000)])
def test_an_image_that_claims_too_many_pixels_is_refused_before_decoding(
    tmp_path, size, monkeypatch
):
    (tmp_path / "huge.png").write_bytes(png(*size, b"", colour_type=2))
    monkeypatch.setattr(tf.io, "decode_image", None)
    with pytest.raises(InputError, match="huge.png: not a readable image .over 25 megapixels"):
        read_pixels(tmp_path / "huge.png")


def test_the_largest_image_is_read(tmp_path):
    Image.new("L", (25_000, 1000)).save(tmp_path / "wide.png")
    assert read_pixels(tmp_path / "wide.png").shape == (1000, 25_000, 3)
