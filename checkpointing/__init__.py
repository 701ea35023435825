"""What a run keeps, and weights by their published names."""

from command_line.tensorflow_start import start_tensorflow

start_tensorflow()
