"""The fused Adam against its formula (Kingma and Ba 2015, section 2, with epsilon hat)."""

import keras
import numpy as np
import tensorflow as tf

from training.adam import Adam


def test_adam_follows_its_formula_also_for_repeated_rows():
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((4, 3)).astype(np.float32)
    table = keras.Variable(weights)
    adam = Adam(0.1, epsilon=1e-8)
    adam.build([table])
    expected, m, v = weights.astype(np.float64), 0.0, 0.0
    for step in range(1, 4):
        rows = np.array([1, 3, 1]) if step < 3 else np.array([0, 0, 2])
        slopes = rng.standard_normal((3, 3)).astype(np.float32)
        slices = tf.IndexedSlices(slopes, rows, (4, 3))
        adam.apply([slices], [table])
        gradient = np.zeros((4, 3))
        np.add.at(gradient, rows, slopes)
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        rate = 0.1 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        expected = expected - rate * m / (np.sqrt(v) + 1e-8)
        np.testing.assert_allclose(table.numpy(), expected, atol=1e-5)
    assert int(adam.iterations.numpy()) == 3
