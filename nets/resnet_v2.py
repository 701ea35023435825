"""ResNet-v2-50 with three levels (He et al. 2016; slim's resnet_v2, published resnet_v2_50_ml).
Layer names carry slim's variable names with "." for "/"."""

import keras

from nets.batch_norm import BatchNormalization

EPSILON = 1e-5  # of batch normalisation; slim's resnet_arg_scope
BLOCKS = [(64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)]  # (bottleneck filters, units, stride)
SCOPE = "resnet_v2_50."


def kernel_initializer():
    """How the kernels of the backbone, VAL's attention and the text projection start."""
    return keras.initializers.VarianceScaling(2.0, "fan_in", "truncated_normal")


def activation(name):
    return keras.layers.ReLU(name=name)


def resnet_v2_50(image_size, batch_norm_decay, weight_decay):
    """images [B, S, S, 3] in [-1, 1] -> maps low [B, S/16, S/16, 512], mid [B, S/32, S/32, 1024],
    high [B, S/32, S/32, 2048]."""
    regularizer = keras.regularizers.L2(weight_decay / 2)

    def conv(x, filters, size, stride, name, use_bias):
        if size > 1 and stride > 1:  # slim's conv2d_same: pads alike whatever the input size
            x = keras.layers.ZeroPadding2D((size - 1) // 2, name=f"{name}.Pad")(x)
        return keras.layers.Conv2D(
            filters, size, stride, padding="same" if stride == 1 else "valid",
            use_bias=use_bias, name=name,
            kernel_initializer=kernel_initializer(), kernel_regularizer=regularizer,
        )(x)  # fmt: skip

    def normalise(x, name):
        x = BatchNormalization(batch_norm_decay, EPSILON, name=name)(x)
        return activation(name=f"{name.removesuffix('.BatchNorm')}.Relu")(x)

    def unit(x, filters, stride, name):
        """Bottleneck with pre-activation. x: [B, H, W, C] -> [B, H/stride, W/stride, 4 filters]"""
        preact = normalise(x, f"{name}.preact")
        if x.shape[-1] != 4 * filters:
            shortcut = conv(preact, 4 * filters, 1, stride, f"{name}.shortcut", use_bias=True)
        elif stride > 1:
            shortcut = keras.layers.MaxPooling2D(1, stride, name=f"{name}.subsample")(x)
        else:
            shortcut = x
        y = preact
        for part, size, step in (("conv1", 1, 1), ("conv2", 3, stride)):
            y = conv(y, filters, size, step, f"{name}.{part}", use_bias=False)
            y = normalise(y, f"{name}.{part}.BatchNorm")
        y = conv(y, 4 * filters, 1, 1, f"{name}.conv3", use_bias=True)
        return keras.layers.Add(name=f"{name}.add")([shortcut, y])

    images = keras.Input((image_size, image_size, 3), name="images")
    x = conv(images, 64, 7, 2, f"{SCOPE}conv1", use_bias=True)
    x = keras.layers.MaxPooling2D(3, 2, padding="same", name=f"{SCOPE}pool1")(x)
    ends = {}
    for block, (filters, units, block_stride) in enumerate(BLOCKS, start=1):
        for index in range(1, units + 1):
            stride = block_stride if index == units else 1
            x = unit(x, filters, stride, f"{SCOPE}block{block}.unit_{index}.bottleneck_v2")
        ends[block] = x
    # The first two normalisations are VAL's own; an ImageNet checkpoint has only the last.
    levels = [
        normalise(ends[block], f"{SCOPE}{name}")
        for block, name in ((2, "block2_postnorm"), (3, "block3_postnorm"), (4, "postnorm"))
    ]
    return keras.Model(images, levels, name="resnet_v2_50")
