"""Composite transformer of one level: joint and self-attention over image and text
(paper section 3.3; published attention_model.py)."""

import math

import keras
from keras import ops

from nets.batch_norm import BatchNormalization

HEADS = 2


class WeightedSum(keras.layers.Layer):
    """w1 * attended image + w2 * self-attention; w1 = 1 and w2 = 0 at the start, so that training
    starts from the image alone. Both inputs [B, H, W, C] -> [B, H, W, C]."""

    def build(self, input_shape):
        self.image_weight = self.add_weight(name="r_weight", shape=(), initializer="ones")
        self.self_attention_weight = self.add_weight(name="weight", shape=(), initializer="zeros")

    def call(self, inputs):
        image, self_attention = inputs
        return self.image_weight * image + self.self_attention_weight * self_attention


def composite_transformer(
    level, map_shape, text_size, activation, initializer, dropout, decay, epsilon, weight_decay
):
    """image map v [B, H, W, C], text feature t [B, text_size] -> composite map [B, H, W, C].

    map_shape: (H, W, C). activation: makes the backbone's activation layer, given its name.
    """
    height, width, channels = map_shape
    scope = f"attention{level}"

    def conv(x, filters, size, name):
        name = f"{scope}.{name}"
        x = keras.layers.Conv2D(
            filters, size, padding="same", use_bias=False, kernel_initializer=initializer,
            kernel_regularizer=keras.regularizers.L2(weight_decay / 2), name=name,
        )(x)  # fmt: skip
        x = BatchNormalization(decay, epsilon, name=f"{name}.BatchNorm")(x)
        return activation(name=f"{name}.Relu")(x)

    image = keras.Input(map_shape, name="image_map")
    text = keras.Input((text_size,), name="text")
    tiled = ops.tile(text[:, None, None, :], (1, height, width, 1))  # [B, H, W, text_size]
    fused = conv(ops.concatenate([image, tiled], axis=-1), channels, 1, "Conv")  # [B, H, W, C]

    # The activation before the sigmoid keeps each gate >= 0.5; as published.
    channel = conv(ops.mean(fused, axis=(1, 2), keepdims=True), channels, 1, "Conv_1")  # [B,1,1,C]
    spatial = conv(ops.mean(fused, axis=3, keepdims=True), 1, (height, width), "Conv_2")
    # [B, H, W, 1]
    joint = ops.sigmoid(channel) * ops.sigmoid(spatial)  # [B, H, W, C]

    positions = ops.reshape(fused, (-1, height * width, channels))  # [B, HW, C]
    size = channels // HEADS
    heads = []
    for head in range(HEADS):
        part = positions[:, :, head * size : (head + 1) * size]  # [B, HW, C/2]
        heads.append(_self_attention(part, size, dropout, scope, head))
    attended = ops.reshape(ops.concatenate(heads, axis=-1), (-1, height, width, channels))
    attended = conv(attended, channels, 1, "Conv_3")

    composite = WeightedSum(name=scope)([joint * image, attended])
    return keras.Model([image, text], composite, name=f"composite_transformer{level}")


def _self_attention(positions, size, dropout, scope, head):
    """One head. positions: [B, HW, size] -> [B, HW, size]"""

    def dense(index):
        index += 3 * head
        name = f"{scope}.dense_{index}" if index else f"{scope}.dense"
        return keras.layers.Dense(
            size, use_bias=False, kernel_initializer="glorot_uniform", name=name
        )(positions)

    query, key, value = dense(0), dense(1), dense(2)
    scores = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / math.sqrt(size)  # [B, HW, HW]
    weights = keras.layers.Softmax(name=f"{scope}.head_{head}.softmax")(scores)
    weights = keras.layers.Dropout(dropout, name=f"{scope}.head_{head}.dropout")(weights)
    return ops.matmul(weights, value)
