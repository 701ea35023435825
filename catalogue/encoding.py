"""A trained run as what the catalogue needs of it: features of files, and of one query."""

import hashlib

import numpy as np

from catalogue.indexing import CHANGED
from checkpointing.run import load_trained_model
from command_line.errors import InputError
from datasets.image_files import read_content
from datasets.images import decode_pixels, resize
from evaluation.encoder import Encoder

UNREADABLE = np.zeros((1, 1, 3), np.uint8)  # holds the row of a broken image, and is dropped


def require_query_vector(model):
    """Raises InputError unless a query of this model is one vector among the images', made of a
    picture and a sentence."""
    if model.pairwise_scorer:
        raise InputError("--checkpoint_dir: this composition ranks pairs; it has no query vector")
    if not (model.composition.uses_image and model.composition.uses_text):
        raise InputError("--checkpoint_dir: this composition does not use both picture and text")


class Encoding:
    """Of the checkpoint model.ckpt-<step> at `checkpoint` in a run. EXIF rotation is applied.

    Raises InputError as load_trained_model and require_query_vector do."""

    def __init__(self, checkpoint_dir, checkpoint, batch_size=32):
        model, self.config, self.vocabulary, _ = load_trained_model(checkpoint_dir, checkpoint)
        require_query_vector(model)
        self.longest = self.config.max_caption_words  # words of a sentence
        self._encoder = Encoder(model, self.config, batch_size, progress=False)

    def files(self, paths, digests, done):
        """Features [n, D] of files, and of each "" or the reason why it has none.

        digests: sha-256 of the bytes that are meant. done: called with a number of files."""
        expected, reasons = dict(zip(paths, digests, strict=True)), {}

        def read(path):
            path = path.decode()
            try:
                content = read_content(path)
                if hashlib.sha256(content).hexdigest() != expected[path]:
                    raise InputError(CHANGED)
                return decode_pixels(content, upright=True)
            except InputError as error:
                reasons[path] = str(error)
                return UNREADABLE

        features = []
        for _, batch in self._encoder.gallery_batches(paths, read):
            features.append(batch)
            done(len(batch))
        return np.concatenate(features), [reasons.get(path, "") for path in paths]

    def warm_up(self):
        """Compiles the model, so that the first query takes no longer than others."""
        image = np.zeros((self.config.image_size, self.config.image_size, 3), np.float32)
        for words in ((), (1,), (1, 1)):  # the second length makes it one for all lengths
            self._encoder.one(image, words)

    def query(self, content, text=""):
        """Bytes of an image file, sentence or "" -> composed query, or the image's own features.

        [D] float32. Raises InputError with the reason for bytes that are no picture."""
        size = self.config.image_size
        pixels = decode_pixels(content, upright=True)
        image = resize(pixels, (size, size), self.config.as_published)
        words = self.vocabulary.encode(text, self.longest) if text else ()
        return self._encoder.one(image, words)
