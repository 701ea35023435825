"""CoSMo: what the text changes in the image map's content, then in its style.

Lee et al., "CoSMo: Content-Style Modulation for Image Retrieval with Text Feedback", CVPR 2021;
postBG/CosMo.pytorch, models/compositors, attention_modules/self_attention.py.
"""

import math

import keras
from keras import ops

from nets.attention import WeightedSum

HEADS = 8
EPSILON = 1e-5  # PyTorch's


class EqualDense(keras.layers.Layer):
    """x W sqrt(2 / fan_in) + b with W ~ N(0, 1): the scale stays outside of what Adam sees."""

    def __init__(self, size, bias=0.0, **kwargs):
        super().__init__(**kwargs)
        self.size, self.bias_start = size, bias

    def build(self, input_shape):
        normal = keras.initializers.RandomNormal(stddev=1.0)
        self.kernel = self.add_weight((input_shape[-1], self.size), normal, name="kernel")
        start = keras.initializers.Constant(self.bias_start)
        self.bias = self.add_weight((self.size,), start, name="bias")

    def call(self, x):
        return ops.matmul(x, self.kernel) * math.sqrt(2 / x.shape[-1]) + self.bias


def cosmo(level, map_shape, text_size, **_):
    """x = IN(V), twice x += w W A(x, t), w = 1 at the start; gamma x + beta.

    A(x, t) = (softmax(Q K^T / sqrt(c)) + softmax_HW(x . W t / sqrt(c))) W W' [x; t] in 8 heads of c
    channels, Q and K of x. Style: gamma = s(G t) std(V) + W t, beta = s(G' t) mean(V) + W' t; V's
    statistics give no gradient. Maps [B, H, W, C] and t [B, T] -> [B, H, W, C]; C a multiple of 8.
    """
    height, width, channels = map_shape
    scope = f"cosmo{level}"
    image_map = keras.Input(map_shape, name="image_map")
    text = keras.Input((text_size,), name="text")
    positions = ops.reshape(image_map, (-1, height * width, channels))  # [B, HW, C]
    mean = ops.mean(positions, axis=1, keepdims=True)  # [B, 1, C]
    centred = positions - mean
    variance = ops.mean(ops.square(centred), axis=1, keepdims=True)
    x = centred * ops.rsqrt(variance + EPSILON)
    for block in range(2):
        attended = _attention(x, text, f"{scope}.attention_{block}", channels)
        x = WeightedSum(start=(1.0, 1.0), learned=(False, True), name=f"{scope}.sum_{block}")(
            [x, attended]
        )
    deviation = ops.sqrt(ops.stop_gradient(variance))  # over N, as the authors' code

    def style(statistic, name, start):
        gate = EqualDense(channels, name=f"{scope}.{name}_gate")(text)[:, None]
        shift = EqualDense(channels, bias=start, name=f"{scope}.{name}")(text)[:, None]
        return ops.sigmoid(gate) * statistic + shift  # [B, 1, C]

    gamma = style(deviation, "gamma", 1.0)
    beta = style(ops.stop_gradient(mean), "beta", 0.0)
    out = ops.reshape(gamma * x + beta, (-1, height, width, channels))
    return keras.Model([image_map, text], out, name=scope)


def _attention(x, text, name, channels):
    """x [B, HW, C], t [B, T] -> [B, HW, C]"""

    def dense(value, part, bias=False):
        return keras.layers.Dense(channels, use_bias=bias, name=f"{name}.{part}")(value)

    size, places = channels // HEADS, x.shape[1]

    def heads(value):  # [B, n, C] -> [B, heads, n, c]
        return ops.transpose(ops.reshape(value, (-1, value.shape[1], HEADS, size)), (0, 2, 1, 3))

    tiled = ops.tile(text[:, None], (1, places, 1))
    values = heads(dense(dense(ops.concatenate([x, tiled], axis=-1), "merge"), "value"))
    keys = ops.transpose(heads(dense(x, "key")), (0, 1, 3, 2))
    scores = ops.matmul(heads(dense(x, "query")), keys) / math.sqrt(size)  # [B, heads, HW, HW]
    asked = heads(dense(text, "text", bias=True)[:, None])  # [B, heads, 1, c]
    of_text = ops.matmul(asked, ops.transpose(heads(x), (0, 1, 3, 2))) / math.sqrt(size)
    weights = ops.softmax(scores, axis=-1) + ops.softmax(of_text, axis=-1)
    attended = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))  # [B, HW, heads, c]
    return dense(ops.reshape(attended, (-1, places, channels)), "out", bias=True)
