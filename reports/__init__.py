"""Pictures and tables of what was trained and scored: python -m reports.<name>."""

from command_line.tensorflow_start import start_tensorflow

start_tensorflow()
