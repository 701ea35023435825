"""Text encoder: embedding, LSTM with a learned initial state, max over time, projection
(paper section 3.2; published text_model.py)."""

import math

import keras
from keras import ops

from nets.batch_norm import BatchNormalization


class InitialState(keras.layers.Layer):
    """Learned first state of the LSTM. tokens: [B, T] (for B) -> h [B, units], c [B, units]."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        limit = math.sqrt(6 / (2 * self.units))  # TensorFlow's Glorot uniform of a vector
        initializer = keras.initializers.RandomUniform(-limit, limit)
        self.cell = self.add_weight(
            name="init_state_0", shape=(self.units,), initializer=initializer
        )
        self.hidden = self.add_weight(
            name="init_state_1", shape=(self.units,), initializer=initializer
        )

    def call(self, tokens):
        shape = (ops.shape(tokens)[0], self.units)
        return ops.broadcast_to(self.hidden, shape), ops.broadcast_to(self.cell, shape)


class MaxOverTime(keras.layers.Layer):
    """Max over a caption's own steps. steps: [B, T, units], lengths: [B] -> [B, units].

    Padded steps would be zero, and zero can win a max: without the mask a caption's feature
    depends on its batch. padding_in_training=True lets them take part in training, as published.
    """

    def __init__(self, padding_in_training=False, **kwargs):
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


def text_encoder(vocabulary_size, word_size, units, padding_in_training=False):
    """tokens [B, T] int32, lengths [B] int32 -> max over time of the LSTM's steps [B, units]."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    lengths = keras.Input((), dtype="int32", name="lengths")
    words = keras.layers.Embedding(
        vocabulary_size,
        word_size,
        embeddings_initializer="glorot_uniform",
        name="RNN.token_embedding",
    )(tokens)
    state = InitialState(units, name="RNN.bidirectional_lstm.forward")(tokens)
    # TensorFlow 1 drew the input and recurrent kernels as one matrix [word_size + units, 4 units].
    limit = math.sqrt(6 / (word_size + units + 4 * units))
    steps = keras.layers.LSTM(
        units, return_sequences=True, name="RNN.bidirectional_lstm.rnn.basic_lstm_cell",
        kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
        recurrent_initializer=keras.initializers.RandomUniform(-limit, limit),
    )(words, initial_state=list(state))  # fmt: skip
    pooled = MaxOverTime(padding_in_training, name="RNN.max_over_time")(steps, lengths)
    return keras.Model([tokens, lengths], pooled, name="text_encoder")


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
