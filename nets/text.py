"""Text encoder: embedding, LSTM with a learned initial state, max over time, projection
(paper section 3.2; published text_model.py)."""

import math
from functools import partial

import keras
from keras import ops

from nets.batch_norm import BatchNormalization
from nets.lstm import LSTM


class InitialState(keras.layers.Layer):
    """Learned first state of a recurrent net. tokens: [B, T] (for B) -> states, each [B, units]:
    the cell's before the output's for an LSTM, as published."""

    def __init__(self, units, states, **kwargs):
        super().__init__(**kwargs)
        self.units, self.states = units, states

    def build(self, input_shape):
        limit = math.sqrt(6 / (2 * self.units))  # TensorFlow's Glorot uniform of a vector
        uniform = keras.initializers.RandomUniform
        self.first = [
            self.add_weight((self.units,), uniform(-limit, limit), name=f"init_state_{index}")
            for index in range(self.states)
        ]

    def call(self, tokens):
        shape = (ops.shape(tokens)[0], self.units)
        return [ops.broadcast_to(state, shape) for state in self.first]


class ReverseCaptions(keras.layers.Layer):
    """Turns each caption's own steps round. words: [B, T, D], lengths: [B] -> [B, T, D]."""

    def call(self, words, lengths):
        step = ops.arange(ops.shape(words)[1], dtype=lengths.dtype)[None, :]  # [1, T]
        source = ops.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)
        return ops.take_along_axis(words, source[:, :, None], axis=1)


class MaxOverTime(keras.layers.Layer):
    """Max over a caption's own steps. steps: [B, T, units], lengths: [B] -> [B, units].

    Padded steps would be zero, and zero can win a max: without the mask a caption's feature
    depends on its batch. padding_in_training=True lets them take part in training, as published.
    """

    def __init__(self, padding_in_training, **kwargs):
        super().__init__(**kwargs)
        self.padding_in_training = padding_in_training

    def call(self, steps, lengths, training=False):
        padded_length = ops.shape(steps)[1]
        step = ops.arange(padded_length, dtype=lengths.dtype)
        own = step[None, :, None] < lengths[:, None, None]  # [B, T, 1]
        longest = ops.max(ops.where(own, steps, -math.inf), axis=1)
        if training and self.padding_in_training:
            padded = lengths[:, None] < padded_length
            return ops.where(padded, ops.maximum(longest, 0), longest)
        return longest


def text_encoder(text_model, vocabulary_size, word_size, units, padding_in_training):
    """tokens [B, T] int32, lengths [B] int32 -> max over time of the recurrent net's steps,
    [B, units], or [B, 2 units] for both directions.

    text_model: "lstm" or "gru", "bi_" before it for both directions, side by side."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    lengths = keras.Input((), dtype="int32", name="lengths")
    words = keras.layers.Embedding(
        vocabulary_size, word_size, "glorot_uniform", name="RNN.token_embedding"
    )(tokens)
    both, kind = text_model.startswith("bi_"), text_model.removeprefix("bi_")
    longest = MaxOverTime(padding_in_training, name="RNN.max_over_time")
    scope = f"RNN.bidirectional_{kind}"
    steps = _recurrent(kind, units, scope, "forward", f"basic_{kind}_cell", tokens, words)
    pooled = longest(steps, lengths)
    if both:
        # A max over time needs no order: the backward steps stay turned round.
        turned = ReverseCaptions(name="RNN.reverse")(words, lengths)
        steps = _recurrent(kind, units, scope, "backward", f"bw.{kind}_cell", tokens, turned)
        pooled = ops.concatenate([pooled, longest(steps, lengths)], axis=-1)
    return keras.Model([tokens, lengths], pooled, name="text_encoder")


def _recurrent(kind, units, scope, direction, cell, tokens, words):
    """words [B, T, D] -> steps [B, T, units], from a learned initial state."""
    gru = partial(keras.layers.GRU, reset_after=False)  # as TensorFlow 1's GRUCell
    layer, gates, states = (LSTM, 4, 2) if kind == "lstm" else (gru, 3, 1)
    first = InitialState(units, states, name=f"{scope}.{direction}")(tokens)
    # TensorFlow 1 drew an LSTM's two kernels as one matrix [word_size + units, 4 units]; a GRU's
    # are drawn so too.
    limit = math.sqrt(6 / (words.shape[-1] + units + gates * units))
    uniform = keras.initializers.RandomUniform
    return layer(
        units, return_sequences=True, name=f"{scope}.rnn.{cell}",
        kernel_initializer=uniform(-limit, limit), recurrent_initializer=uniform(-limit, limit),
    )(words, initial_state=first[::-1])  # Keras takes an LSTM's output first  # fmt: skip


def text_projection(units, size, initializer, dropout, decay, epsilon, weight_decay):
    """[B, units] -> text feature [B, size]: dropout, dense without bias, batch normalisation."""
    pooled = keras.Input((units,), name="pooled_text")
    x = keras.layers.Dropout(dropout, name="projection.text.dropout")(pooled)
    x = keras.layers.Reshape((1, 1, units))(x)  # a 1x1 convolution, as published
    x = keras.layers.Conv2D(
        size, 1, use_bias=False, kernel_initializer=initializer, name="projection.text",
        kernel_regularizer=keras.regularizers.L2(weight_decay / 2),
    )(x)  # fmt: skip
    x = BatchNormalization(decay, epsilon, name="projection.text.BatchNorm")(x)
    return keras.Model(pooled, keras.layers.Flatten()(x), name="text_projection")
