"""An exported model as what the catalogue needs of it, through onnxruntime: no TensorFlow here."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime

from catalogue.photos import read_pixels
from catalogue.sources import require_composed
from command_line.errors import InputError
from datasets.image_files import MOST_MEGAPIXELS, decode_picture
from datasets.pictures import resize
from datasets.vocabulary import Vocabulary
from export.folder import VOCABULARY, onnx_file, read_file, read_metadata

BATCH = 32  # images encoded together
DECODERS = 4  # at once; a picture of 25 megapixels takes up to 0.3 GB


class ExportedEncoding:
    """The methods of encoding.Encoding over what export_model.py wrote to `folder`.

    Raises InputError naming the file that is missing, damaged or of another export, and as
    require_composed does."""

    def __init__(self, folder, most_megapixels=MOST_MEGAPIXELS):
        about, self._most = read_metadata(folder), most_megapixels
        composition = about["composition"]
        require_composed(folder, composition["uses_image"], composition["uses_text"])
        self.vocabulary = Vocabulary(read_file(folder, about, VOCABULARY).decode().split("\n")[:-1])
        self.longest = about["tokens"]["longest"]  # words of a sentence
        self._size, images = about["images"]["size"], about["images"]
        self._grid = self._size, not images["half_pixel_centres"]
        self._gallery, self._query = (
            session(read_file(folder, about, onnx_file(name))) for name in ("gallery", "query")
        )

    def files(self, paths, digests, done):
        """Features and reasons, as Encoding.files; the features differ from those by rounding."""
        features, reasons = [], []
        with ThreadPoolExecutor(min(DECODERS, os.cpu_count())) as pool:
            starts = range(0, len(paths), BATCH)
            parts = [slice(start, start + BATCH) for start in starts]
            ahead = pool.map(self._read, paths[parts[0]], digests[parts[0]]) if parts else ()
            for this, following in zip(parts, [*parts[1:], slice(0, 0)], strict=True):
                read = list(ahead)
                ahead = pool.map(self._read, paths[following], digests[following])
                # Always as many rows: how a kernel rounds may depend on their number.
                images = np.zeros((BATCH, self._size, self._size, 3), np.float32)
                for row, (image, _) in enumerate(read):
                    images[row] = image
                features.append(run(self._gallery, images=images)[: len(read)])
                reasons += [reason for _, reason in read]
                done(len(paths[this]))
        return np.concatenate(features), reasons

    def _read(self, path, digest):
        """-> (image [S, S, 3], "") or (0, the reason why there is none)."""
        try:
            return resize(read_pixels(path, digest, self._most), *self._grid), ""
        except InputError as error:
            return 0, str(error)

    def warm_up(self):
        """Nothing to do: onnxruntime is ready once a model is open."""

    def query(self, content, text=""):
        """Features of a query, as Encoding.query."""
        images = resize(decode_picture(content, self._most), *self._grid)[None]
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
