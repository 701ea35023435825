"""A run before its first update."""

from training.start import initial_model
from training.update import Training


def start_training(config, vocabulary):
    return Training(config, *initial_model(config, vocabulary))
