"""Speed, measured beside a bare step, a bare matrix product and the published code."""

from command_line.tensorflow_start import start_tensorflow

start_tensorflow()
