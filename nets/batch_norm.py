"""Batch normalisation over TensorFlow's fused kernel.

Keras 3 composes batch normalisation from elementary operations. The fused kernel trains faster
(design: 1.4 times for MobileNet at 224 px on two cores) and gives the Bessel-corrected batch
variance that enters the moving variance in the published graph.
"""

import keras
from tensorflow import raw_ops


class BatchNormalization(keras.layers.Layer):
    """Batch normalisation of the last axis. inputs: [B, H, W, C] -> the same.

    decay: share of the old moving mean and variance kept per update.
    Source: slim.batch_norm with scale=True, fused, as in the published arg scopes.
    """

    def __init__(self, decay, epsilon, **kwargs):
        super().__init__(**kwargs)
        self.decay = decay
        self.epsilon = epsilon

    def build(self, input_shape):
        # The kernel takes scale and statistics in float32, whatever the inputs are.
        shared = dict(shape=(input_shape[-1],), dtype="float32", autocast=False)
        self.gamma = self.add_weight(name="gamma", initializer="ones", **shared)
        self.beta = self.add_weight(name="beta", initializer="zeros", **shared)
        shared["trainable"] = False
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **shared)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **shared)

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, inputs, training=False):
        out, mean, variance, *_ = raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=[] if training else self.moving_mean,
            variance=[] if training else self.moving_variance,
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving - (moving - batch) * (1 - self.decay))
        return out
