"""The loop, one update, the examples and the devices."""

from command_line.tensorflow_start import start_tensorflow

start_tensorflow()
