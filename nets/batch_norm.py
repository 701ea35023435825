"""Batch normalisation over TensorFlow's fused kernel.

Keras 3 composes batch normalisation from elementary operations. The fused kernel trains faster
(measured: 1.4 times for MobileNet at 224 px on two cores) and gives the Bessel-corrected batch
variance that enters the moving variance in the published graph.

On several devices the statistics are those of the whole batch. With statistics of its own part,
the features of a replica's queries and targets would share what tells them from the rest of the
batch: a matching loss is lowered by that alone (Chen et al. 2020, SimCLR, section 2.2).
"""

import keras
import tensorflow as tf
from keras import ops


class BatchNormalization(keras.layers.Layer):
    """Batch normalisation of the last axis. inputs: [B, H, W, C] -> the same.

    decay: share of the old moving mean and variance kept per update.
    affine: whether scale and offset are learned; else they stay 1 and 0.
    Source: slim.batch_norm with scale=True, fused, as in the published arg scopes.
    """

    def __init__(self, decay, epsilon, affine=True, **kwargs):
        super().__init__(**kwargs)
        self.decay, self.epsilon, self.affine = decay, epsilon, affine

    def build(self, input_shape):
        def weight(name, start, trainable):
            # The kernel takes scale and statistics in float32, whatever the inputs are.
            shared = dict(dtype="float32", autocast=False, trainable=trainable)
            return self.add_weight(input_shape[-1:], start, name=name, **shared)

        self.gamma = weight("gamma", "ones", self.affine)
        self.beta = weight("beta", "zeros", self.affine)
        self.moving_mean = weight("moving_mean", "zeros", False)
        self.moving_variance = weight("moving_variance", "ones", False)

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, inputs, training=False):
        if training and tf.distribute.get_strategy().num_replicas_in_sync > 1:
            out, mean, variance = self._whole_batch(inputs)
        else:
            out, mean, variance = self._fused(inputs, training)
        if training:
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                tf.raw_ops.ResourceApplyGradientDescent(  # moving -= alpha * delta, in one pass
                    var=moving.value.handle, alpha=1 - self.decay, delta=moving - batch
                )
        return out

    def _fused(self, inputs, training):
        mean, variance = ([], []) if training else (self.moving_mean, self.moving_variance)
        return tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=self.gamma, offset=self.beta, mean=mean, variance=variance,
            epsilon=self.epsilon, is_training=training,
        )[:3]  # fmt: skip

    def _whole_batch(self, inputs):
        """Does what _fused does in training, over all replicas' inputs, which are of equal size."""
        x = ops.cast(inputs, "float32")
        replica = tf.distribute.get_replica_context()
        count, own = replica.num_replicas_in_sync, replica.replica_id_in_sync_group
        moments = ops.stack(ops.moments(x, axes=(0, 1, 2)))[None]  # [1, 2, C]
        moments = tf.scatter_nd([[own]], moments, (count, *moments.shape[1:]))
        means, variances = tf.unstack(replica.all_reduce("SUM", moments), axis=1)  # [replicas, C]
        mean = ops.mean(means, axis=0)
        variance = ops.mean(variances + ops.square(means - mean), axis=0)
        out = ops.batch_normalization(
            x, mean, variance, -1, offset=self.beta, scale=self.gamma, epsilon=self.epsilon
        )
        values = ops.cast(count * (ops.size(x) // x.shape[-1]), "float32")  # of a channel
        return ops.cast(out, inputs.dtype), mean, variance * values / (values - 1)
