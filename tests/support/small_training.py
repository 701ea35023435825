"""A tiny training run: its settings, its pictures, and it before the first update."""

from pathlib import Path

from config import make_config
from datasets.vocabulary import Vocabulary
from tests.support.small_catalogue import write_picture
from training.batches import Example
from training.start import initial_model
from training.update import Training

VOCABULARY = Vocabulary.build(["red blue longer shorter sleeves"])


def tiny(folder, **settings):
    defaults = dict(
        checkpoint_dir=str(folder), image_model="mobilenet_v1_025", image_size=32, batch_size=4,
        word_embedding_size=6, text_embedding_size=8, joint_embedding_size=8, train_length=4,
        save_length=2, print_span=1, init_learning_rate=1e-3, crop_from=36,
    )  # fmt: skip
    return make_config(**{**defaults, **settings})


def draw_examples(folder, count, size):
    """Pairs of as many pictures, drawn where they are not yet."""
    paths = [Path(folder, f"{seed}.png") for seed in range(count)]
    for seed, path in enumerate(paths):
        if not path.exists():
            write_picture(path, seed, size)
    words = [[2 + i % 5] * (1 + i % 3) for i in range(count)]
    return [Example(str(paths[i]), str(paths[i - 1]), words[i]) for i in range(count)]


def start_training(config, vocabulary=VOCABULARY):
    return Training(config, *initial_model(config, vocabulary))
