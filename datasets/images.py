"""Images from files to the model's [-1, 1] squares (published inputs.py, preprocessing)."""

import re

import numpy as np
import tensorflow as tf

from command_line.errors import InputError
from datasets import READERS, pictures
from datasets.image_files import TRUNCATED, decode_picture, open_rgb, read_content, read_format

# Decoded by TensorFlow, as published. Its BMP reader ignores palettes and its WebP reader refuses
# animations, so those are Pillow's; GIF too, which then is what datasets/check_data.py checked.
BY_TENSORFLOW = ("JPEG", "PNG")
# AUTOTUNE then means one call a core, at most 16. The thread that would tune it held up the end
# of every second pass by up to 4 s (TensorFlow 2.21).
FIXED_PARALLELISM = tf.data.Options()
FIXED_PARALLELISM.autotune.enabled = False


class UnreadableImage(InputError):
    """Names the file and the reason."""


def read_pixels(path):
    """Path (str or bytes) -> uint8 [H, W, 3] as published: no rotation, transparency ignored.

    Raises InputError naming the file, before decoding for one that claims too many pixels."""
    return _read_file(path, decode_pixels)


def read_picture(path):
    """Path (str or bytes) -> uint8 [H, W, 3] as people see it. Raises InputError as read_pixels."""
    return _read_file(path, decode_picture)


# A data set's reader names one of them in DECODER.
READ_PIXELS = {"tensorflow": read_pixels, pictures.DECODER: read_picture}


def pixels_of(dataset):
    """The one of READ_PIXELS that a data set asks for."""
    return READ_PIXELS[READERS[dataset].DECODER]


def _read_file(path, decode):
    path = path.decode() if isinstance(path, bytes) else str(path)
    try:
        return decode(read_content(path))
    except InputError as error:
        raise UnreadableImage(f"{path}: not a readable image ({error})") from None


def decode_pixels(content):
    """Bytes of an image file -> uint8 [H, W, 3]. Raises InputError with the reason."""
    if read_format(content) in BY_TENSORFLOW:
        try:
            return tf.io.decode_image(content, channels=3, expand_animations=False).numpy()
        except tf.errors.OpError:
            raise InputError(TRUNCATED) from None
    return np.asarray(open_rgb(content))


def resize(pixels, height_and_width, legacy_grid):
    """uint8 [H, W, 3] -> float32 [h, w, 3] in [-1, 1], bilinear without antialias.

    legacy_grid: TensorFlow 1's grid without half-pixel centres, as published."""
    resized = tf.raw_ops.ResizeBilinear(
        images=pixels[None], size=height_and_width, half_pixel_centers=not legacy_grid
    )
    return resized[0] / 127.5 - 1


def _read(path, read):
    pixels = tf.numpy_function(read, [path], tf.uint8, stateful=False)
    return tf.ensure_shape(pixels, (None, None, 3))


def load(path, size, legacy_grid, read=read_pixels):
    """Path tensor -> float32 [size, size, 3] in [-1, 1]. read: path -> uint8 [H, W, 3]."""
    return tf.ensure_shape(resize(_read(path, read), (size, size), legacy_grid), (size, size, 3))


def load_augmented(path, square, corner, flip, size, legacy_grid, read=read_pixels):
    """Path tensor -> the image resized to [square, square], cropped to [size, size] at corner
    (y, x), flipped if flip; what is random is drawn by the caller. read: that of load."""
    image = resize(_read(path, read), tf.stack([square, square]), legacy_grid)
    image = tf.slice(image, [corner[0], corner[1], 0], [size, size, 3])
    image = tf.cond(flip, lambda: tf.reverse(image, [1]), lambda: image)
    return tf.ensure_shape(image, (size, size, 3))


def image_batches(paths, size, batch_size, legacy_grid, read=read_pixels):
    """Dataset of float32 [B, size, size, 3], in the order of paths; read: that of load."""
    return (
        tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
        .map(lambda path: load(path, size, legacy_grid, read), tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size)
        .prefetch(2)
        .with_options(FIXED_PARALLELISM)
    )


def iterate(dataset):
    """Batches of a dataset; an InputError raised within it arrives as one."""
    try:
        yield from dataset
    except tf.errors.UnknownError as error:
        ours = re.search(r"(InputError|UnreadableImage): (.*)", error.message)
        if not ours:
            raise
        raise (InputError if ours[1] == "InputError" else UnreadableImage)(ours[2]) from None
