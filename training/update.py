"""One optimizer update of VAL, and everything it changes (published train_val.py)."""

import keras
import tensorflow as tf

from checkpointing.published_names import named_variables
from model import bidirectional_matching_loss, pool, softmax_loss
from training.adam import Adam
from training.devices import gather_rows, own_copy, replica_id, replicas, share_overflow


def loss_names(levels):
    """Names of an update's losses, as it returns them; levels as in config."""
    return ["loss", *(f"loss_{level}" for level in levels.split(",")), "regularization"]


class Training:
    """Everything that changes while training: weights, averages, optimizer, data position."""

    def __init__(self, config, model, averages):
        """averages: {name: array} to start from; see training.start.initial_model."""
        self.config, self.model = config, model
        self.variables = named_variables(model)
        self.trained = {name: v for name, v in self.variables.items() if v.trainable}
        self.averages = {name: own_copy(averages[name]) for name in self.trained}
        self.adam = Adam(config.init_learning_rate, epsilon=1e-8)
        self.optimizer = self.adam
        if config.precision == "mixed_float16":
            self.optimizer = keras.optimizers.LossScaleOptimizer(self.adam)
        self.optimizer.build(list(self.trained.values()))
        self.step = own_copy(tf.constant(0, tf.int64))
        self.data_position = own_copy(tf.constant([0, 0], tf.int64))  # epoch, next batch within it
        self.checkpoint = tf.train.Checkpoint(
            weights={name: v.value for name, v in self.variables.items()},
            averages=self.averages,
            optimizer=[v.value for v in self.optimizer.variables],
            step=self.step,
            place=self.data_position,
        )

    def matching_loss(self, query, target, labels):
        """Loss of one level's queries and targets of the whole batch, with the targets' labels;
        references may follow the targets, as further negatives."""
        config = self.config
        if config.loss == "softmax":
            return softmax_loss(self.model.similarities(query, target), labels)
        distances = self.model.distances(query, target)
        return bidirectional_matching_loss(
            distances, labels, config.margin, config.negatives, config.as_published
        )

    def losses(self, batch):
        """Losses of a batch in training mode, in the order of loss_names.

        batch: a replica's share of the rows, with the labels of all; the losses are those of the
        whole batch."""
        model, references = self.model, batch["references"]
        maps, text = model.encode_query(references, batch["tokens"], batch["lengths"], True)
        queries = map(gather_rows, model.compose(maps, text, training=True))
        targets = map(gather_rows, model.gallery_levels(batch["targets"], training=True))
        if self.config.reference_negatives:
            others = pool(maps) if maps else model.gallery_levels(references, training=True)
            sides = zip(targets, map(gather_rows, others), strict=True)
            targets = [tf.concat(side, 0) for side in sides]
        labels = batch["labels"]
        losses = [self.matching_loss(q, t, labels) for q, t in zip(queries, targets, strict=True)]
        regularization = sum_in_order(self.model.losses)
        return [sum_in_order([*losses, regularization]), *losses, regularization]

    def gradients(self, batch):
        """-> (losses of a batch, {name: gradient of the trained weight}); draws a new dropout."""
        draw = self.step * replicas() + tf.cast(replica_id(), tf.int64)
        self.model.set_dropout_seed(self.config.seed, draw)
        with tf.GradientTape() as tape:
            losses = self.losses(batch)
            # Every replica has the whole loss, and the optimizer sums their gradients.
            matching = self.optimizer.scale_loss(sum_in_order(losses[1:-1]) / replicas())
        weights = {name: v.value for name, v in self.trained.items()}
        gradients = tape.gradient(matching, weights)
        # The decay's by hand: the tape would fill and multiply a tensor more of each kernel's size.
        # And a sum of three, of references, targets and decay, TensorFlow would add in an order
        # that depends on the threads' timing; it doesn't reorder a difference.
        for name, variable in self.trained.items():
            if variable.regularizer:
                less = self.optimizer.scale_loss(-2 * variable.regularizer.l2 / replicas())
                gradients[name] -= less * weights[name]
        return losses, gradients

    def update(self, batch):
        """One optimizer update with a replica's share of a batch. Returns its losses."""
        losses, gradients = self.gradients(batch)
        self.apply_gradients(gradients)
        self.step.assign_add(1)
        self.data_position.assign(batch["data_position"] + [0, 1])
        return losses

    def apply_gradients(self, gradients):
        """Applies {name: gradient} and moves the averages."""
        config = self.config
        rate = config.init_learning_rate
        if config.decay_at:
            rate = tf.where(self.step < config.decay_at, rate, rate * 0.1)
        self.adam.learning_rate.assign(rate)
        if config.as_published:
            # There the gradient of the initial state is a dead tensor: it never trains, and Adam's
            # bias correction stays at its first update.
            self.adam.iterations.assign(0)
            for name in gradients:
                if "init_state" in name:
                    gradients[name] = tf.zeros_like(gradients[name])
        if self.optimizer is not self.adam:
            gradients = share_overflow(gradients)
        self.optimizer.apply(list(gradients.values()), list(self.trained.values()))
        alpha = tf.constant(1 - config.average_decay)
        for name, average in self.averages.items():
            tf.raw_ops.ResourceApplyGradientDescent(  # average -= alpha * delta, in one pass
                var=average.handle,
                alpha=alpha,
                delta=average - self.variables[name].value,
            )

    def swap_averages(self):
        """Exchanges weights and averages; twice is nothing."""
        for name, average in self.averages.items():
            weight = self.variables[name].value
            kept = tf.identity(weight)
            weight.assign(average)
            average.assign(kept)


def sum_in_order(scalars):
    """Their sum, the same bit for bit every time, which AddN of more than two isn't."""
    return tf.reduce_sum(tf.stack(scalars))
