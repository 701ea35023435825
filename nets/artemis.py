"""ARTEMIS: the text matches the target, and says which channels the target shares with the image.

Delmas et al., "ARTEMIS: Attention-based Retrieval with Text-Explicit Matching and Implicit
Similarity", ICLR 2022; naver/artemis, artemis_model.py. Here at each level of the image encoder.
The score of a query r, m and a target t is no distance of two vectors, yet four matrix products:
    cos(W m, a(m) t) + cos(b(m) r, b(m) t) = e.t / sqrt(a^2.t^2) + i.t / sqrt(b^2.t^2),
    e = a W m / |W m|, i = b^2 r / |b r|; a, b = C softmax(W relu(W m)), each with its own weights
(the factor C, which no cosine sees, keeps squares of small shares from vanishing).
"""

import keras
from keras import ops

from nets.compositions import PAIRWISE_EPSILON, PAIRWISE_VECTORS


def artemis(level, map_shape, text_size, **_):
    """Image map [B, H, W, C] and text m [B, T] -> e, a^2, i, b^2 side by side [B, 4 C]."""
    scope, channels = f"artemis{level}", map_shape[-1]
    image_map = keras.Input(map_shape, name="image_map")
    text = keras.Input((text_size,), name="text")

    def dense(x, part, activation=None):
        return keras.layers.Dense(channels, activation=activation, name=f"{scope}.{part}")(x)

    def attention(part):
        scores = dense(dense(text, f"{part}_1", "relu"), f"{part}_2")
        return channels * ops.softmax(scores, axis=-1)  # [B, C]

    image = ops.mean(image_map, axis=(1, 2))  # r [B, C]
    a, b = attention("explicit"), attention("implicit")
    explicit = a * unit(dense(text, "text"))
    implicit = b * unit(b * image)
    vectors = [explicit, ops.square(a), implicit, ops.square(b)]
    return keras.Model([image_map, text], ops.concatenate(vectors, axis=-1), name=scope)


def unit(x):
    """x [B, C] -> the same with unit L2 norm."""
    square = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, PAIRWISE_EPSILON))


def similarities(queries, targets):
    """Mean of the two cosines. queries [B, 4 C] as artemis makes them, targets [N, C] -> [B, N]"""
    explicit, explicit_norm, implicit, implicit_norm = ops.split(queries, PAIRWISE_VECTORS, axis=-1)
    columns = ops.transpose(targets)  # [C, N]
    squares = ops.square(columns)

    def cosines(direction, weights):
        norms = ops.maximum(ops.matmul(weights, squares), PAIRWISE_EPSILON)
        return ops.matmul(direction, columns) * ops.rsqrt(norms)

    return (cosines(explicit, explicit_norm) + cosines(implicit, implicit_norm)) / 2
