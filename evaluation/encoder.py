"""Batched features of a trained model (published extract_features_val.py)."""

from functools import partial

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from datasets.images import image_batches, iterate, pixels_of
from datasets.vocabulary import pad
from evaluation.pairwise_scorer import scorer_for

TEXTS = 256  # captions encoded at a time: a recurrent net reads all its weights at every word


class Encoder:
    """Batched features of one model; the batch size changes nothing but speed and memory.

    batch_size: rows of a batch, of which one stays empty (see _encoded)."""

    def __init__(self, model, config, batch_size, progress=True):
        self.model, self.config = model, config
        self.batch_size, self.progress = max(2, batch_size), progress
        self.scorer = scorer_for(model.pairwise_scorer)
        self._image_encoder = model.inference_image_encoder()
        traced = partial(tf.function, autograph=False)  # nothing branches on a tensor
        self._encode = traced(self._encoded, reduce_retracing=True)
        self._one = traced(self._image_encoder)
        self._pool = traced(model.features_of_maps)
        self._text = traced(model.encode_text, reduce_retracing=True)
        self._compose = traced(self._composed, reduce_retracing=True)

    def queries(self, references, captions):
        """Features of reference images with captions (word ids) [Q, D]."""
        return self.features(references, captions, [])[0]

    def features(self, references, captions, gallery, what="images"):
        """Reference image and word ids of each query, images of the gallery (paths) ->
        query features [Q, D], gallery features [N, D].

        An image is encoded once, however many captions it has and whether or not it is in the
        gallery too: for FashionIQ a third fewer images, half of the gallery being references."""
        queries_of = {path: [] for path in [*references, *gallery]}
        for query, path in enumerate(references):
            queries_of[path].append(query)
        paths = list(queries_of)
        texts = self._texts(captions)
        single = np.empty((len(paths), self.model.feature_size), np.float32)
        composed = np.empty((len(references), self.model.query_size), np.float32)
        for first, images in self._batches(paths, what):
            here = paths[first : first + len(images)]
            maps, single[first : first + len(images)] = self._encode(images)
            asked = [(row, query) for row, path in enumerate(here) for query in queries_of[path]]
            for start in range(0, len(asked), self.batch_size):
                rows, queries = np.array(asked[start : start + self.batch_size]).T
                composed[queries] = self._compose(maps, *map(tf.constant, (rows, texts[queries])))
        row_of = {path: row for row, path in enumerate(paths)}
        return composed, single[[row_of[path] for path in gallery]]

    def gallery_batches(self, paths, read):
        """Yields (row of the first path, features [b, D]) of single images, some at a time.

        read: path (bytes) -> uint8 [H, W, 3]."""
        for first, images in self._batches(paths, "images", read):
            yield first, self._encode(images)[1].numpy()

    def one(self, image, words=()):
        """image [S, S, 3] in [-1, 1], word ids -> its features as a gallery's, or, with words, the
        composed query's. [D]

        Made as one of two rows: without AVX-512, oneDNN takes 1,000 ms for the full-size MobileNet
        on one image, 42 ms on two."""
        maps = self._one(np.stack([image, np.zeros_like(image)]))
        if not words:
            return self._pool(maps)[0].numpy()
        return self._compose(maps, tf.constant([0, 0]), self._text(*pad([words] * 2)))[0].numpy()

    def _encoded(self, images):
        """images [b, S, S, 3], fewer than batch_size -> maps of batch_size rows, features [b, D].

        The kernels may round the last row of a batch in another way, and all rows in one of
        another size. So a batch is always filled up, with a last row that is nobody's: the bits
        of a feature depend on its image alone."""
        missing = self.batch_size - tf.shape(images)[0]
        maps = self._image_encoder(tf.pad(images, [[0, missing], [0, 0], [0, 0], [0, 0]]))
        return maps, self.model.features_of_maps(maps)[: tf.shape(images)[0]]

    def _composed(self, maps, rows, text):
        """Maps of images, the row of each query's reference, its text feature -> [Q, D]"""
        return self.model.composed_features([tf.gather(m, rows) for m in maps], text)

    def _batches(self, paths, what, read=None):
        """Yields (row of the first path, images [b, S, S, 3])."""
        config, read = self.config, read or pixels_of(self.config.dataset)
        settings = config.image_size, self.batch_size - 1, config.as_published, read
        with tqdm(total=len(paths), unit="image", desc=what, disable=not self.progress) as bar:
            start = 0
            for images in iterate(image_batches(paths, *settings)):
                yield start, images
                start += len(images)
                bar.update(len(images))

    def _texts(self, captions):
        """Text features [Q, T] of word ids; captions of like length together, many at a time."""
        if not self.model.composition.uses_text or not captions:
            return np.empty((len(captions), 0), np.float32)
        order = np.argsort([len(caption) for caption in captions], kind="stable")
        texts = []
        for start in range(0, len(order), TEXTS):
            words = pad([captions[query] for query in order[start : start + TEXTS]])
            texts.append(self._text(*map(tf.constant, words)).numpy())
        return np.concatenate(texts)[np.argsort(order)]


def encode_captions(config, vocabulary, captions):
    return [vocabulary.encode(caption, config.max_caption_words) for caption in captions]
