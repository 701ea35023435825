"""FiLM as a composition: the text scales and shifts the channels of the image map.

Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018, one block; as
in RTIC's film.py, without the padding of its 1x1 convolution, by which the map grows, and with
convolutions that start and decay as VAL's do (RTIC: Kaiming uniform).
"""

import keras
from keras import ops

from nets.batch_norm import BatchNormalization


def film(level, map_shape, text_size, initializer, decay, epsilon, weight_decay, **_):
    """h = relu(conv1x1 V); relu(gamma BN(conv3x3 h) + beta) + h with (gamma, beta) = W t.

    BN has no scale and offset of its own. Maps [B, H, W, C] and t [B, T] -> [B, H, W, C]."""
    scope, channels = f"film{level}", map_shape[-1]
    decayed = keras.regularizers.L2(weight_decay / 2)
    shared = dict(padding="same", kernel_initializer=initializer, kernel_regularizer=decayed)
    image_map = keras.Input(map_shape, name="image_map")
    text = keras.Input((text_size,), name="text")
    conv1 = keras.layers.Conv2D(channels, 1, activation="relu", name=f"{scope}.conv1", **shared)
    h = conv1(image_map)
    x = keras.layers.Conv2D(channels, 3, use_bias=False, name=f"{scope}.conv2", **shared)(h)
    x = BatchNormalization(decay, epsilon, affine=False, name=f"{scope}.conv2.BatchNorm")(x)
    modulation = keras.layers.Dense(2 * channels, name=f"{scope}.modulation")(text)
    gamma, beta = ops.split(modulation[:, None, None, :], 2, axis=-1)  # each [B, 1, 1, C]
    return keras.Model([image_map, text], ops.relu(gamma * x + beta) + h, name=scope)
