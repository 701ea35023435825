"""Training images resized once (--image_cache=FOLDER), so that later epochs decode no JPEG.

One memory-mapped uint8 file an image, made when the image is first used. Its name is a digest of
the image's path, size in bytes, time of change and decoder, so one that changed is resized anew.
Rounding to uint8 moves a pixel by at most 0.004 of the model's [-1, 1]; with crop_from, an image is
resized twice: to crop_from, then to the square that is drawn.
"""

import hashlib
import os
from functools import partial
from pathlib import Path

import numpy as np

from command_line.errors import InputError
from command_line.files import whole_file
from datasets import READERS
from datasets.images import READ_PIXELS, pixels_of, resize


def pixel_reader(config):
    """-> function: path (bytes) -> uint8 [H, W, 3], from the cache if config asks for one."""
    if not config.image_cache:
        return pixels_of(config.dataset)
    decoder = READERS[config.dataset].DECODER
    edge = config.crop_from or config.image_size
    print(f"image cache {config.image_cache}: {edge} x {edge} px, rounded to uint8", flush=True)
    return partial(read_cached, config.image_cache, edge, config.as_published, decoder)


def read_cached(folder, edge, legacy_grid, decoder, path):
    """uint8 [edge, edge, 3] of the image at path (str or bytes), kept in the folder.

    decoder: a name in READ_PIXELS. Raises InputError naming the image, or the file that cannot be
    kept."""
    read_pixels = READ_PIXELS[decoder]
    path = path.decode() if isinstance(path, bytes) else str(path)
    try:
        stat = os.stat(path)
    except OSError:
        return read_pixels(path)  # which names what is wrong
    identity = [os.path.abspath(path), stat.st_size, stat.st_mtime_ns, edge, legacy_grid, decoder]
    digest = hashlib.sha256(" ".join(map(str, identity)).encode()).hexdigest()[:32]
    cached = Path(folder, digest[:2], f"{digest}.npy")
    try:
        kept = np.load(cached, mmap_mode="r")
        if kept.shape == (edge, edge, 3) and kept.dtype == np.uint8:
            return np.asarray(kept)
    except (OSError, EOFError, ValueError):
        pass  # not there yet, or cut off by a crash; for all else, writing says what is wrong
    squared = resize(read_pixels(path), (edge, edge), legacy_grid).numpy()
    pixels = np.rint((squared + 1) * 127.5).astype(np.uint8)
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(cached, "wb") as file:
            np.save(file, pixels)
    except OSError as error:
        raise InputError(f"{cached}: {error.strerror} (--image_cache)") from None
    return pixels
