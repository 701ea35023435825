"""Composite transformer of one level: joint and self-attention over image and text
(paper section 3.3; published attention_model.py)."""

import math
from functools import reduce
from operator import mul

import keras
from keras import ops

from nets.batch_norm import BatchNormalization

HEADS = 2


class WeightedSum(keras.layers.Layer):
    """w1 * first + w2 * second, of one shape; in VAL the attended image and the self-attention.

    start: w1 and w2 before training.
    learned: which of them are trained."""

    def __init__(self, start, learned=(True, True), **kwargs):
        super().__init__(**kwargs)
        self.parts = list(zip(("r_weight", "weight"), start, learned, strict=True))

    def build(self, input_shape):
        constant = keras.initializers.Constant
        self.first_weight, self.second_weight = [
            self.add_weight(name=name, shape=(), initializer=constant(start), trainable=learned)
            for name, start, learned in self.parts
        ]

    def call(self, inputs):
        first, second = inputs
        return self.first_weight * first + self.second_weight * second


class JointConv2D(keras.layers.Layer):
    """1x1 convolution without bias over an image map and the text feature tiled over its positions:
    [B, H, W, C] and [B, T] -> [B, H, W, filters]. The text's share is computed once an image."""

    def __init__(self, filters, initializer, regularizer, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.start = filters, dict(initializer=initializer, regularizer=regularizer)

    def build(self, input_shapes):
        shape = (1, 1, sum(shape[-1] for shape in input_shapes), self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, **self.start)

    def call(self, inputs):
        image, text = inputs
        of_image, of_text = ops.split(self.kernel, [image.shape[-1]], axis=2)
        return ops.conv(image, of_image) + ops.matmul(text, of_text[0, 0])[:, None, None, :]


def composite_transformer(
    level, map_shape, text_size, activation, initializer, dropout, decay, epsilon, weight_decay,
    without, gate_activation, self_attention_start,
):  # fmt: skip
    """image map v [B, H, W, C], text feature t [B, text_size] -> composite map [B, H, W, C].

    map_shape: (H, W, C). activation: makes the backbone's activation layer, given its name.
    without: joint_attention (the image map is kept as it is), self_attention, spatial_gate,
    channel_gate or nothing. self_attention_start: its weight before training;
    VAL's 0 starts from the image alone.
    """
    height, width, channels = map_shape
    scope = f"attention{level}"
    regularizer = keras.regularizers.L2(weight_decay / 2)

    def normalise(x, name, active=True):
        x = BatchNormalization(decay, epsilon, name=f"{scope}.{name}.BatchNorm")(x)
        return activation(name=f"{scope}.{name}.Relu")(x) if active else x

    def conv(x, filters, size, name, active=True):
        x = keras.layers.Conv2D(
            filters, size, padding="same", use_bias=False, kernel_initializer=initializer,
            kernel_regularizer=regularizer, name=f"{scope}.{name}",
        )(x)  # fmt: skip
        return normalise(x, name, active)

    image = keras.Input(map_shape, name="image_map")
    text = keras.Input((text_size,), name="text")
    joint_conv = JointConv2D(channels, initializer, regularizer, name=f"{scope}.Conv")
    fused = normalise(joint_conv([image, text]), "Conv")  # [B, H, W, C]

    # The activation before the sigmoid keeps each gate >= 0.5; as published.
    gates = []
    if without not in ("joint_attention", "channel_gate"):
        means = ops.mean(fused, axis=(1, 2), keepdims=True)  # [B, 1, 1, C]
        gates.append(ops.sigmoid(conv(means, channels, 1, "Conv_1", gate_activation)))
    if without not in ("joint_attention", "spatial_gate"):
        means = ops.mean(fused, axis=3, keepdims=True)  # [B, H, W, 1]
        gates.append(ops.sigmoid(conv(means, 1, (height, width), "Conv_2", gate_activation)))
    kept = reduce(mul, [*gates, image])  # [B, H, W, C]
    name = f"composite_transformer{level}"
    if without == "self_attention":
        return keras.Model([image, text], kept, name=name)

    positions = ops.reshape(fused, (-1, height * width, channels))  # [B, HW, C]
    parts = ops.split(positions, HEADS, axis=-1)  # each [B, HW, C/2]
    heads = [_self_attention(part, dropout, scope, head) for head, part in enumerate(parts)]
    attended = ops.reshape(ops.concatenate(heads, axis=-1), (-1, height, width, channels))
    attended = conv(attended, channels, 1, "Conv_3")

    weighted = WeightedSum(start=(1.0, self_attention_start), name=scope)
    return keras.Model([image, text], weighted([kept, attended]), name=name)


def _self_attention(positions, dropout, scope, head):
    """One head. positions: [B, HW, size] -> [B, HW, size]"""
    size = positions.shape[-1]

    def dense(index):
        index += 3 * head
        name = f"{scope}.dense_{index}" if index else f"{scope}.dense"
        return keras.layers.Dense(size, use_bias=False, name=name)(positions)

    # The published code computes softmax(keys . values^T) . queries: the same under other names.
    query, key, value = dense(0), dense(1), dense(2)
    scores = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / math.sqrt(size)  # [B, HW, HW]
    weights = keras.layers.Softmax(name=f"{scope}.head_{head}.softmax")(scores)
    weights = keras.layers.Dropout(dropout, name=f"{scope}.head_{head}.dropout")(weights)
    return ops.matmul(weights, value)
