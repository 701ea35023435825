"""The LSTM beside Keras' own, in float64."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from nets.lstm import LSTM

UNITS, WORD = 5, 3


def gradients(layer, inputs, factors):
    """-> outputs and the gradients of a function of them: of all weights, the words and the first
    states."""
    words, *states = map(tf.constant, inputs)
    with tf.GradientTape() as tape:
        tape.watch([words, *states])
        outputs = layer(words, initial_state=states, training=True)
        value = tf.reduce_sum(outputs * factors)
    weights = [variable.value for variable in layer.trainable_variables]
    return [outputs, *tape.gradient(value, [*weights, words, *states])]


def pair(rng, **settings):
    """Ours and Keras', with the same random weights."""
    layers = [kind(UNITS, dtype="float64", **settings) for kind in (LSTM, keras.layers.LSTM)]
    for layer in layers:
        layer.build((None, None, WORD))
    weights = [rng.normal(size=weight.shape) for weight in layers[1].get_weights()]
    for layer in layers:
        layer.set_weights(weights)
    return layers


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("traced", [False, True])
def test_outputs_and_gradients_are_keras(steps, traced):
    rng = np.random.default_rng(steps)
    inputs = [rng.normal(size=shape) for shape in [(4, steps, WORD), (4, UNITS), (4, UNITS)]]
    factors = rng.normal(size=(4, steps, UNITS))
    ours, theirs = pair(rng, return_sequences=True)

    def run(layer):
        function = partial(gradients, layer, inputs, factors)
        return tf.function(function, autograph=False)() if traced else function()

    for own, keras_own in zip(run(ours), run(theirs), strict=True):
        np.testing.assert_allclose(own, keras_own, rtol=1e-12, atol=1e-13)


def test_states_are_keras():
    rng = np.random.default_rng(0)
    words = rng.normal(size=(2, 4, WORD))
    ours, theirs = pair(rng, return_state=True)
    for own, keras_own in zip(
        ours(words, training=True), theirs(words, training=True), strict=True
    ):
        np.testing.assert_allclose(own, keras_own, rtol=1e-12, atol=1e-13)
