"""Weights and inputs of the golden files, rebuilt by name: tests/README.md."""

import zlib

import numpy as np

from checkpointing.published_names import CELL
from command_line.errors import InputError


def draw(name, shape, recipe):
    """A variable's value as the golden files' graph had it: by recipe A, or B with its larger
    weights."""
    seed = zlib.crc32(name.encode()) & 0x7FFFFFFF
    n = np.random.RandomState(seed).standard_normal(shape)
    strong = recipe == "B"
    fan_in = np.prod(shape[:-1], dtype=float)
    end = name.rsplit("/", 1)[-1]
    if end in ("r_weight", "weight"):
        value = (1.0 if end == "r_weight" else 0.5) + 0.1 * n
    elif end == "depthwise_weights":
        value = (np.sqrt(2 / 9) if strong else 0.5 / np.sqrt(9 * shape[2])) * n
    elif end == "token_embedding_weights":
        value = (0.3 if strong else 0.1) * n
    elif end == "weights":
        gain = 1 if name.startswith("resnet_v2_50/") else 2
        value = (np.sqrt(gain / fan_in) if strong else 0.5 / np.sqrt(fan_in)) * n
    elif end == "kernel":
        large = 4 if name.startswith(CELL) else 3
        value = (large if strong else 0.5) / np.sqrt(shape[0]) * n
    elif end == "gamma":
        value = 1 + 0.1 * n
    elif end == "moving_variance":
        value = 1 + 0.1 * np.abs(n)
    elif strong and name.endswith("/Conv_2/BatchNorm/beta"):
        value = 0.5 + 0.1 * n
    else:
        value = 0.1 * n
    return np.asarray(value, np.float32)


def added_as_published(weights):
    """Half the sum of their squares as TensorFlow 1.10 adds it: in float32, 8 lanes of 2 threads.

    It explains how far the golden regularisation is from float64: 1.2e-5 for 1.6 million weights,
    8e-5 for the 5.2 million of ResNet's attention2/Conv."""
    total = np.float32(0)
    for part in np.array_split(np.ravel(weights), 2):
        halves = part * part * np.float32(0.5)
        lanes = halves[: len(halves) // 8 * 8].reshape(-1, 8)
        total += np.cumsum(lanes, axis=0)[-1].sum() + halves[lanes.size :].sum()
    return total


def published_shapes(variables):
    """{published name: shape} of our variables, the LSTM's as TensorFlow 1 has them."""
    shapes = {name: tuple(v.shape) for name, v in variables.items()}
    inputs, gates = shapes[f"{CELL}/kernel"]
    units, _ = shapes.pop(f"{CELL}/recurrent_kernel")
    return {**shapes, f"{CELL}/kernel": (inputs + units, gates)}


def images(seed, batch, size, expected_sum):
    drawn = np.random.RandomState(seed).uniform(-1, 1, (batch, size, size, 3)).astype(np.float32)
    if abs(drawn.sum(dtype=np.float64) - expected_sum) > 1e-3:
        raise InputError("the rebuilt images are not the golden file's")
    return drawn


def join_cell(arrays, bias_shift):
    """The reverse of published_names.split_cell; bias_shift: the forget bias within ours."""
    arrays = dict(arrays)

    def reorder(array):
        i, f, j, o = np.split(array, 4, axis=-1)
        return np.concatenate([i, j, f - bias_shift if array.ndim == 1 else f, o], axis=-1)

    kernels = [arrays[f"{CELL}/kernel"], arrays.pop(f"{CELL}/recurrent_kernel")]
    arrays[f"{CELL}/kernel"] = reorder(np.concatenate(kernels))
    arrays[f"{CELL}/bias"] = reorder(arrays[f"{CELL}/bias"])
    return arrays
