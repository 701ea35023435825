"""The precision that a model's layers compute in, and whether this machine is made for it."""

import contextlib
from pathlib import Path

import keras
import tensorflow as tf

CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86, x86, Arm: instructions for bfloat16


@contextlib.contextmanager
def dtype_policy(name):
    """Layers made within compute in this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def slow_precision(name, cpuinfo="/proc/cpuinfo"):
    """One line when float32 would be faster here, else an empty string.

    Without the instructions TensorFlow converts to float32 and back around every operation.
    cpuinfo: file with the CPU's flags; a machine without it is not judged."""
    if name != "mixed_bfloat16" or tf.config.list_physical_devices("GPU"):
        return ""
    try:
        if CPU_FLAGS & set(Path(cpuinfo).read_text().split()):
            return ""
    except OSError:
        return ""
    return f"--precision={name}: this CPU has no bfloat16 instructions; float32 is faster here"
