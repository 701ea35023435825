"""The pictures a table names: where they lie, and which of them can be used."""

import hashlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from datasets.find_images import file_names
from datasets.image_files import check_image, read_content
from datasets.product_table import ENDINGS

SMALLEST = 8  # pixels a side; smaller ones are placeholders
TINY = "tiny"
FEW = 500  # opened sooner than processes start


def find_files(names, folder):
    """The names' files, also of names without ending or with another case in it -> {name: path
    below the folder}, those there are. The exact name comes first, then the alphabet."""
    listed, found = {}, {}
    for name in names:
        parent, file = os.path.split(name)
        if parent not in listed:
            own = file_names(Path(folder, parent))
            listed[parent] = {**_by_stem(own), **{(file, None): file for file in own}}
        stem, ending = os.path.splitext(file)
        key = (stem, ending.lower()) if ending.lower() in ENDINGS else (file, "")
        match = listed[parent].get((file, None)) or listed[parent].get(key)
        if match:
            found[name] = os.path.join(parent, match)
    return found


def _by_stem(files):
    """{(name without ending, ending in lower case, or ""): first such file}."""
    by_stem = {}
    for file in sorted(files, reverse=True):
        stem, ending = os.path.splitext(file)
        if ending.lower() in ENDINGS:
            by_stem[stem, ending.lower()] = by_stem[stem, ""] = file
    return by_stem


def open_images(paths):
    """Opens every file, on all cores -> [(why it can't be used or None, sha-256 of its bytes)]."""
    if len(paths) < FEW:
        return [_open(path) for path in paths]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        opened = pool.map(_open, paths, chunksize=32)
        return list(tqdm(opened, total=len(paths), desc="opening", unit="image"))


def _open(path):
    reason = check_image(path)
    if reason:
        return reason, None
    content = read_content(path)
    with Image.open(BytesIO(content)) as image:
        tiny = min(image.size) < SMALLEST
    return TINY if tiny else None, hashlib.sha256(content).hexdigest()
