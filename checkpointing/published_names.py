"""Weights by the published variable names: slim ImageNet checkpoints and whole VAL checkpoints.

A layer named "a.b.conv" holds the published variables "a/b/conv/weights", ...; only the LSTM's
kernel is laid out differently. Every variable gets exactly one source and every entry of a
checkpoint is used or a known leftover; anything else is an error that names the variables.
"""

import re
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from command_line.errors import InputError
from model import LEVELS

AVERAGE = "/ExponentialMovingAverage"
CELL = "RNN/bidirectional_lstm/rnn/basic_lstm_cell"
VARIABLE_NAMES = {  # (layer class, Keras name) -> published name, where they differ
    ("Conv2D", "kernel"): "weights",
    ("JointConv2D", "kernel"): "weights",
    ("Conv2D", "bias"): "biases",
    ("DepthwiseConv2D", "kernel"): "depthwise_weights",
}
# What checkpoints hold beside the model: classifier, counters, optimizer slots, loss averages.
LEFTOVERS = re.compile(
    r"(?i:.*logits)/.*|global_step|beta[12]_power|.*/(Adam|RMSProp|Momentum)(_1)?|.*/avg"
)
VAL_OWN = re.compile(r"resnet_v2_50/block[23]_postnorm/.*")  # in no ImageNet checkpoint


def named_variables(model):
    """All variables of a model by published name: {name: keras.Variable}.

    The LSTM's are .../kernel (of the input), .../recurrent_kernel and .../bias, gates in Keras's
    order; split_cell makes the three of the published two."""
    variables = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            variables |= named_variables(layer)
            continue
        for variable in layer.weights:
            if variable.name == "embeddings":
                name = f"{layer.name}_weights"
            else:
                key = (type(layer).__name__, variable.name)
                name = f"{layer.name}/{VARIABLE_NAMES.get(key, variable.name)}"
            variables[name.replace(".", "/")] = variable
    return variables


def split_cell(arrays):
    """Published arrays by name -> the same with the LSTM's kernel and bias as Keras has them.

    TensorFlow 1: one kernel [in + units, 4 units], gates i, j, f, o, and 1 added to the forget
    gate at run time; Keras: two kernels, gates i, f, c, o, the 1 within the bias."""
    arrays = dict(arrays)
    missing = {f"{CELL}/kernel", f"{CELL}/bias"} - set(arrays)
    if missing or f"{CELL}/recurrent_kernel" in arrays:  # ours, split already
        return arrays
    kernel, bias = arrays[f"{CELL}/kernel"], arrays[f"{CELL}/bias"]
    if kernel.ndim != 2 or bias.shape != kernel.shape[1:] or bias.size % 4:
        return arrays  # no LSTM's: assign_variables names the shapes
    units = bias.shape[0] // 4

    def reorder(array):
        i, j, f, o = np.split(array, 4, axis=-1)
        return np.concatenate([i, f, j, o], axis=-1)

    forget_bias = np.repeat(np.array([0, 1, 0, 0], bias.dtype), units)
    arrays[f"{CELL}/kernel"] = reorder(kernel[:-units])
    arrays[f"{CELL}/recurrent_kernel"] = reorder(kernel[-units:])
    arrays[f"{CELL}/bias"] = reorder(bias) + forget_bias
    return arrays


def split_averages(arrays):
    """Published arrays by name -> (those of weights, those of averages by the weights' names)."""
    weights = {n: a for n, a in arrays.items() if not n.endswith(AVERAGE)}
    return weights, {n.removesuffix(AVERAGE): a for n, a in arrays.items() if n not in weights}


def checkpoint_prefix(path):
    """What tf.train.load_checkpoint takes, for a file, a prefix or a folder with one checkpoint."""
    path = Path(path)
    if not path.is_dir():
        return path.with_name(path.name.removesuffix(".index"))
    found = {p.with_name(p.name.removesuffix(".index")) for p in path.glob("*.index")}
    found = found or set(path.glob("*.ckpt"))  # a V1 checkpoint is a single file
    if len(found) != 1:
        names = ", ".join(sorted(p.name for p in found)) or "none"
        raise InputError(f"{path}: one checkpoint expected, found {names}")
    return found.pop()


def read_checkpoint(path):
    """All arrays of a TensorFlow checkpoint (V1 or V2): {name: array}.

    Raises InputError naming the file when it is missing, truncated or damaged, and the variable
    that can't be read."""
    prefix = checkpoint_prefix(path)
    arrays, place = {}, ""
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        for name in sorted(reader.get_variable_to_shape_map()):
            place = f"{name}: "
            arrays[name] = reader.get_tensor(name)
        return arrays
    # The reader raises plain Python errors too, by format and damage.
    except (tf.errors.OpError, RuntimeError, ValueError, SystemError, IndexError) as error:
        reason = place + " ".join(str(error).split())[:200]
        raise InputError(f"{prefix}: not a readable TensorFlow checkpoint ({reason})") from None


def assign_variables(variables, arrays, where, allowed_missing=None):
    """Assigns arrays (from a checkpoint, by published name) to variables, one source each.

    An entry NAME/ExponentialMovingAverage goes before NAME.
    Raises InputError naming the variables without a source, with a wrong shape or non-finite
    values, and the entries without a use. Nothing is assigned then."""
    raw, averaged = map(split_cell, split_averages(arrays))
    problems, chosen = [], {}
    for name, variable in variables.items():
        source = averaged if name in averaged else raw
        if name not in source:
            if not (allowed_missing and allowed_missing.fullmatch(name)):
                problems.append(f"no source for {name}")
            continue
        if tuple(source[name].shape) != tuple(variable.shape):
            problems.append(f"{name} is {source[name].shape}, not {tuple(variable.shape)}")
        elif not np.all(np.isfinite(source[name])):
            problems.append(f"{name} has values that are not finite")
        chosen[name] = source[name]
    unused = (set(raw) | set(averaged)) - set(variables)
    problems += [f"no use for {name}" for name in sorted(unused) if not LEFTOVERS.fullmatch(name)]
    if problems:
        more = f"; and {len(problems) - 8} more" if problems[8:] else ""
        shown = "; ".join(problems[:8]) + more
        raise InputError(f"{where}: does not fit the model: {shown}")
    for name, value in chosen.items():
        variables[name].assign(value)
    return sorted(set(variables) - set(chosen))


def restore_image_encoder(image_encoder, path):
    """Restores a backbone from a slim ImageNet checkpoint; returns the names it has no entry for
    (VAL's own normalisations). Raises InputError as assign_variables does, but an encoder of fewer
    levels leaves the blocks after its last."""
    variables, arrays = named_variables(image_encoder), read_checkpoint(path)
    if len(image_encoder.outputs) < len(LEVELS):
        arrays = {n: a for n, a in arrays.items() if n.removesuffix(AVERAGE) in variables}
    return assign_variables(variables, arrays, checkpoint_prefix(path), VAL_OWN)
