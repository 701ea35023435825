"""An exported model as what the catalogue needs of it, through onnxruntime: no TensorFlow here."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime

from catalogue.indexing import CHANGED
from command_line.errors import InputError
from datasets.image_files import (
    TRUNCATED,
    open_rgb,
    read_content,
    read_format,
    read_orientation,
    turn,
)
from datasets.vocabulary import Vocabulary
from export.folder import VOCABULARY, onnx_file, read_about, read_file
from export.pictures import read_pixels, resize

DECODERS = 4  # at once; a picture of 25 megapixels takes 0.6 GB


def decode_pixels(content):
    """Bytes of an image file -> uint8 [H, W, 3], upright: datasets.images.decode_pixels' pixels.

    Raises InputError with the reason."""
    kind = read_format(content)
    if kind in ("JPEG", "PNG"):
        if kind == "PNG":
            open_rgb(content)  # for its checks
        try:
            pixels = read_pixels(content)
        except Exception:  # a decoder given hostile bytes raises anything
            raise InputError(TRUNCATED) from None
    else:
        pixels = np.asarray(open_rgb(content))
    return turn(pixels, read_orientation(content))


class ExportedEncoding:
    """As encoding.Encoding, of what export_model.py wrote to `folder`.

    Raises InputError naming the file that is missing, damaged or of another export, and as
    require_query_vector does."""

    def __init__(self, folder, batch_size=32):
        about = read_about(folder)
        if not (about["composition"]["uses_image"] and about["composition"]["uses_text"]):
            raise InputError(f"{folder}: its composition does not use both picture and text")
        self.vocabulary = Vocabulary(read_file(folder, about, VOCABULARY).decode().split("\n")[:-1])
        self.longest = about["tokens"]["longest"]  # words of a sentence
        self._size, images = about["images"]["size"], about["images"]
        self._grid = self._size, not images["half_pixel_centres"]
        self._rows = batch_size
        self._gallery, self._query = (
            session(read_file(folder, about, onnx_file(tower))) for tower in ("gallery", "query")
        )

    def files(self, paths, digests, done):
        """As Encoding.files; its features differ from those by rounding."""
        features, reasons = [], []
        with ThreadPoolExecutor(min(DECODERS, os.cpu_count())) as pool:
            starts = range(0, len(paths), self._rows)
            parts = [slice(start, start + self._rows) for start in starts]
            ahead = pool.map(self._read, paths[parts[0]], digests[parts[0]]) if parts else ()
            for this, following in zip(parts, [*parts[1:], slice(0, 0)], strict=True):
                read = list(ahead)
                ahead = pool.map(self._read, paths[following], digests[following])
                # Always as many rows: how a kernel rounds may depend on their number.
                images = np.zeros((self._rows, self._size, self._size, 3), np.float32)
                for row, (image, _) in enumerate(read):
                    images[row] = image
                features.append(run(self._gallery, images=images)[: len(read)])
                reasons += [reason for _, reason in read]
                done(len(paths[this]))
        return np.concatenate(features), reasons

    def _read(self, path, digest):
        """-> (image [S, S, 3], "") or (0, the reason why there is none)."""
        try:
            content = read_content(path)
            if hashlib.sha256(content).hexdigest() != digest:
                raise InputError(CHANGED)
            return resize(decode_pixels(content), *self._grid), ""
        except InputError as error:
            return 0, str(error)

    def warm_up(self):
        """Nothing to do: onnxruntime is ready once a model is open."""

    def query(self, content, text=""):
        """As Encoding.query."""
        images = resize(decode_pixels(content), *self._grid)[None]
        if not text:
            return run(self._gallery, images=images)[0]
        tokens = np.array([self.vocabulary.encode(text, self.longest)], np.int32)
        lengths = np.array([tokens.size], np.int32)
        return run(self._query, images=images, tokens=tokens, lengths=lengths)[0]


def session(content):
    """Bytes of an ONNX file -> an onnxruntime session."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run(session, **inputs):
    return session.run(["features"], inputs)[0]
