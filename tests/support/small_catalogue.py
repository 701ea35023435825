"""Folders of small pictures, an encoder of them that needs no network, and what an index holds."""

from types import SimpleNamespace

import numpy as np
from PIL import Image

from catalogue.indexing import update_index
from catalogue.store import connect, open_block
from command_line.errors import InputError
from datasets.image_files import decode_picture, read_content

DIMS = 12


def write_picture(path, seed, size=(20, 16), **options):
    """Noise that is a function of the seed; its kind is the path's suffix."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def feature(path):
    """File -> [DIMS], of unit norm: a function of its pixels alone. Needs no TensorFlow."""
    pixels = decode_picture(read_content(path))
    rng = np.random.default_rng(int(pixels.astype(np.int64).sum()) + 7 * int(pixels[0, 0, 0]))
    drawn = rng.standard_normal(DIMS, np.float32)
    return drawn / np.linalg.norm(drawn)


class Drawn:
    """An encoder; keeps the paths it was asked for. webp: why it can't read files of that kind."""

    def __init__(self, webp=""):
        self.asked, self.webp = [], webp

    def __call__(self, checkpoint):
        return self.files

    def files(self, paths, digests, done):
        self.asked += paths
        features, reasons = np.zeros((len(paths), DIMS), np.float32), []
        for row, path in enumerate(paths):
            try:
                features[row] = feature(path)
                reasons.append(self.webp if "webp" in path else "")
            except InputError as error:
                reasons.append(str(error))
            done(1)
        return features, reasons


class Asked:
    """In the place of an Encoding: a query's vector is a function of bytes and text."""

    def __init__(self, *arguments):
        self.vocabulary = SimpleNamespace(words=["", "", "is", "red"])
        self.longest = 64

    def query(self, content, text=""):
        rng = np.random.default_rng(sum(content) + 7 * sum(text.encode()))
        return rng.standard_normal(DIMS, np.float32) / 3


def index_of(index_dir, image_dir, run_dir, encoder=None, **options):
    """Updates the index with few rows a block -> Report."""
    options = {"block_rows": 4, **options}
    return update_index(index_dir, image_dir, encoder or Drawn(), run_dir, **options)


def vectors(index_dir):
    """{path: vector} of all files that have one, read without the code under test's arrays."""
    query = "SELECT path, block, row FROM files JOIN vectors USING (sha256) WHERE status = 'ok'"
    rows = connect(index_dir).execute(query).fetchall()
    return {path: np.array(open_block(index_dir, block)[row]) for path, block, row in rows}


def expected(photos, *broken):
    """The same as it should be: of the files themselves."""
    names = [str(p.relative_to(photos)) for p in photos.rglob("*") if p.is_file()]
    names = [name for name in names if name not in ("notes.txt", *broken)]
    return {name: feature(photos / name) for name in names}
