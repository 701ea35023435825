"""The query encoder and the gallery encoder of a trained model, as extraction computes them."""

import keras
import numpy as np
import tensorflow as tf

from command_line.errors import InputError

UNKNOWN_TOKEN = 1  # as datasets/vocabulary.py has it


def require_query_vector(model):
    """Raises InputError unless a query of this model is one vector among the images'."""
    if model.pairwise_scorer:
        raise InputError("--checkpoint_dir: this composition ranks pairs; it has no query vector")


class Encoders(tf.Module):
    """query: images [B, S, S, 3] float32 in [-1, 1], tokens [B, T] int32, lengths [B] int32 ->
    {"features": composed [B, D]}; gallery: images -> {"features": [B, D]}. B and T are free, both
    may be 0; a length below 1 is that of a sentence without words."""

    def __init__(self, model, image_size):
        super().__init__()
        self.weights = [variable.value for variable in model.variables]  # for a SavedModel to find
        uses_image, uses_text = model.composition.uses_image, model.composition.uses_text
        for layer in model.text_encoder.layers if uses_text else ():
            if isinstance(layer, (keras.layers.LSTM, keras.layers.GRU)):
                layer.use_cudnn = False  # on a GPU it would become an operator of cuDNN's
        encode_image = model.inference_image_encoder()

        def query(images, tokens, lengths):
            rows = tf.shape(images)[0]
            images, tokens, lengths = (one_row(inputs) for inputs in (images, tokens, lengths))
            tokens, lengths = one_word(tokens, lengths)
            maps = encode_image(images) if uses_image else None
            text = model.encode_text(tokens, lengths) if uses_text else None
            return {"features": model.composed_features(maps, text)[:rows]}

        def gallery(images):
            features = model.features_of_maps(encode_image(one_row(images)))
            return {"features": features[: tf.shape(images)[0]]}

        specs = [
            tf.TensorSpec((None, image_size, image_size, 3), tf.float32, "images"),
            tf.TensorSpec((None, None), tf.int32, "tokens"),
            tf.TensorSpec((None,), tf.int32, "lengths"),
        ]
        self.query = tf.function(query, input_signature=specs, autograph=False)
        self.gallery = tf.function(gallery, input_signature=specs[:1], autograph=False)


def one_row(inputs):
    """[B, ...] -> the same, or a row of zeros: none would abort the process in onnxruntime's
    LSTM, and be an error in TensorFlow's convolutions."""
    empty = tf.maximum(1 - tf.shape(inputs)[0], 0)
    return tf.pad(inputs, [[0, empty]] + [[0, 0]] * (len(inputs.shape) - 1))


def one_word(tokens, lengths):
    """tokens [B, T], lengths [B] -> the same; where there is no word, an unknown one, as
    extraction has it."""
    tokens = tf.pad(tokens, [[0, 0], [0, tf.maximum(1 - tf.shape(tokens)[1], 0)]])
    return tf.where(lengths[:, None] < 1, UNKNOWN_TOKEN, tokens), tf.maximum(lengths, 1)


def largest_difference(ours, theirs):
    """The largest over the rows of features [B, D] of |ours - theirs| / |theirs|."""
    return float(np.max(np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(theirs, axis=1)))


def sample_inputs(image_size, words, batch=3, longest=9):
    """Drawn images, tokens below `words`, lengths: what an export is checked with."""
    rng = np.random.default_rng(0)
    return {
        "images": rng.uniform(-1, 1, (batch, image_size, image_size, 3)).astype(np.float32),
        "tokens": rng.integers(0, words, (batch, longest)).astype(np.int32),
        "lengths": rng.integers(1, longest + 1, batch).astype(np.int32),
    }
