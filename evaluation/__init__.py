"""From a model to features, from features to ranks and recall."""

from command_line.tensorflow_start import start_tensorflow

start_tensorflow()
