"""Compositions and parts of VAL under equal terms: the same training, tuning and statistics."""

from command_line.tensorflow_start import start_tensorflow

start_tensorflow()
