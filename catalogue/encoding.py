"""A trained run as what the catalogue needs of it: features of files, and of one query."""

import numpy as np

from catalogue.photos import read_pixels
from catalogue.sources import require_composed
from checkpointing.run import load_trained_model
from command_line.errors import InputError
from datasets.image_files import MOST_MEGAPIXELS, decode_picture
from datasets.images import resize
from evaluation.encoder import Encoder
from export.encoders import require_query_vector

BATCH = 32  # images encoded together
UNREADABLE = np.zeros((1, 1, 3), np.uint8)  # holds the row of a broken image, and is dropped


class Encoding:
    """The model of the checkpoint model.ckpt-<step> at `checkpoint` in a run.

    Raises InputError as load_trained_model, require_query_vector and require_composed do."""

    def __init__(self, checkpoint_dir, checkpoint, most_megapixels=MOST_MEGAPIXELS):
        model, self.config, self.vocabulary, _ = load_trained_model(checkpoint_dir, checkpoint)
        require_query_vector(model)
        composition, self._most = model.composition, most_megapixels
        require_composed("--checkpoint_dir", composition.uses_image, composition.uses_text)
        self.longest = self.config.max_caption_words  # words of a sentence
        self._encoder = Encoder(model, self.config, BATCH, progress=False)

    def files(self, paths, digests, done):
        """Features [n, D] of files, and of each "" or the reason why it has none.

        digests: sha-256 of the bytes that are meant. done: called with a number of files."""
        expected, reasons = dict(zip(paths, digests, strict=True)), {}

        def read(path):
            path = path.decode()
            try:
                return read_pixels(path, expected[path], self._most)
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
        pixels = decode_picture(content, self._most)
        image = resize(pixels, (size, size), self.config.as_published)
        words = self.vocabulary.encode(text, self.longest) if text else ()
        return self._encoder.one(image, words)
