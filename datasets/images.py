"""Images from files to the model's [-1, 1] squares (published inputs.py, preprocessing)."""

import re
from io import BytesIO
from pathlib import Path

import tensorflow as tf
from PIL import Image

from command_line.errors import InputError
from datasets.image_files import MAX_PIXELS

FORMATS = ("JPEG", "PNG", "GIF", "BMP")  # what tf.io.decode_image takes
# AUTOTUNE then means one call a core, at most 16. The thread that would tune it held up the end
# of every second pass by up to 4 s (TensorFlow 2.21).
FIXED_PARALLELISM = tf.data.Options()
FIXED_PARALLELISM.autotune.enabled = False


def read_pixels(path):
    """Path (str or bytes) -> uint8 [H, W, 3]. Raises InputError naming the file, before decoding
    for one that claims over MAX_PIXELS."""
    path = path.decode() if isinstance(path, bytes) else str(path)
    try:
        content = Path(path).read_bytes()
        check_header(content)
        return tf.io.decode_image(content, channels=3, expand_animations=False).numpy()
    except OSError as error:
        reason = error.strerror
    except InputError as error:
        reason = str(error)
    except tf.errors.OpError as error:
        reason = re.sub(r"\{\{.*?\}\}|\[Op.*", "", error.message.split("\n")[0]).strip()
    raise InputError(f"{path}: not a readable image ({reason})")


def check_header(content):
    """Raises InputError unless the bytes begin as an image of at most MAX_PIXELS."""
    too_large = InputError(f"over {MAX_PIXELS // 10**6} megapixels")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
    except Image.DecompressionBombError:  # Pillow's own limit, above ours
        raise too_large from None
    except Exception:  # a parser given hostile bytes raises anything
        raise InputError("not a JPEG, PNG, GIF or BMP, or cut off") from None
    if width * height > MAX_PIXELS:
        raise too_large


def resize(pixels, height_and_width, legacy_grid):
    """uint8 [H, W, 3] -> float32 [h, w, 3] in [-1, 1], bilinear without antialias.

    legacy_grid: TensorFlow 1's grid without half-pixel centres, as published."""
    resized = tf.raw_ops.ResizeBilinear(
        images=pixels[None], size=height_and_width, half_pixel_centers=not legacy_grid
    )
    return resized[0] / 127.5 - 1


def _read(path, read=read_pixels):
    pixels = tf.numpy_function(read, [path], tf.uint8, stateful=False)
    return tf.ensure_shape(pixels, (None, None, 3))


def load(path, size, legacy_grid):
    """Path tensor -> float32 [size, size, 3] in [-1, 1]."""
    return tf.ensure_shape(resize(_read(path), (size, size), legacy_grid), (size, size, 3))


def load_augmented(path, square, corner, flip, size, legacy_grid, read=read_pixels):
    """As load, after resizing to [square, square], cropping [size, size] at corner (y, x) and
    flipping if flip; what is random is drawn by the caller. read: path -> uint8 [H, W, 3]."""
    image = resize(_read(path, read), tf.stack([square, square]), legacy_grid)
    image = tf.slice(image, [corner[0], corner[1], 0], [size, size, 3])
    image = tf.cond(flip, lambda: tf.reverse(image, [1]), lambda: image)
    return tf.ensure_shape(image, (size, size, 3))


def image_batches(paths, size, batch_size, legacy_grid):
    """Dataset of float32 [B, size, size, 3], in the order of paths."""
    return (
        tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
        .map(lambda path: load(path, size, legacy_grid), tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size)
        .prefetch(2)
        .with_options(FIXED_PARALLELISM)
    )


def iterate(dataset):
    """Batches of a dataset; an InputError raised within it arrives as one."""
    try:
        yield from dataset
    except tf.errors.UnknownError as error:
        ours = re.search(r"InputError: (.*)", error.message)
        if not ours:
            raise
        raise InputError(ours[1]) from None
