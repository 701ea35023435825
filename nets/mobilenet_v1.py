"""MobileNet-v1 with three levels (Howard et al. 2017; slim's mobilenet_v1, published
mobilenet_v1_ml). Layer names carry slim's variable names with "." for "/"."""

import keras

from nets.batch_norm import BatchNormalization

EPSILON = 1e-3  # of batch normalisation; slim's mobilenet_v1_arg_scope
# (pointwise filters, stride of the depthwise convolution) of Conv2d_1 to Conv2d_13
BLOCKS = [
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1),
    (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
]  # fmt: skip
LEVELS = (6, 10, 13)  # blocks whose outputs are the low, mid and high level


def kernel_initializer():
    """How the kernels of the backbone, VAL's attention and the text projection start."""
    return keras.initializers.TruncatedNormal(stddev=0.09)


def activation(name):
    return keras.layers.ReLU(max_value=6.0, name=name)


def mobilenet_v1(image_size, depth_multiplier, batch_norm_decay, weight_decay):
    """images [B, S, S, 3] in [-1, 1] -> maps low [B, S/16, S/16, 512 m], mid the same,
    high [B, S/32, S/32, 1024 m], m the depth multiplier."""
    scope = "MobilenetV1."
    regularizer = keras.regularizers.L2(weight_decay / 2)

    def depth(filters):
        return max(int(filters * depth_multiplier), 8)

    def normalise(x, name):
        x = BatchNormalization(batch_norm_decay, EPSILON, name=f"{name}.BatchNorm")(x)
        return activation(name=f"{name}.Relu6")(x)

    def conv(x, filters, size, stride, name):
        x = keras.layers.Conv2D(
            filters, size, stride, padding="same", use_bias=False, name=name,
            kernel_initializer=kernel_initializer(), kernel_regularizer=regularizer,
        )(x)  # fmt: skip
        return normalise(x, name)

    images = keras.Input((image_size, image_size, 3), name="images")
    x = conv(images, depth(32), 3, 2, f"{scope}Conv2d_0")
    levels = []
    for block, (filters, stride) in enumerate(BLOCKS, start=1):
        name = f"{scope}Conv2d_{block}_depthwise"
        x = keras.layers.DepthwiseConv2D(
            3, stride, padding="same", use_bias=False, name=name,
            depthwise_initializer=kernel_initializer(),
            # Of stride 2 in bfloat16, its gradient takes 4 times as long on a CPU.
            dtype="float32" if stride == 2 else None,
        )(x)  # fmt: skip
        x = normalise(x, name)
        x = conv(x, depth(filters), 1, 1, f"{scope}Conv2d_{block}_pointwise")
        if block in LEVELS:
            levels.append(x)
    return keras.Model(images, levels, name="mobilenet_v1")
