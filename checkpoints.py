"""What a run keeps: <checkpoint_dir>/{config.json, vocab.txt, model.ckpt-<step>.*, checkpoint}.

Variables are stored by the published names (nets/pretrained.py), weights and averages apart.
"""

from dataclasses import asdict
from pathlib import Path

import tensorflow as tf

from config import CONFIG_FILE, load_config, save_config
from errors import InputError
from model import VAL
from nets.pretrained import named_variables
from vocabulary import Vocabulary

VOCABULARY_FILE = "vocab.txt"
# Settings that may differ when a run goes on: where things lie, and how long and how watched.
MAY_CHANGE = ("checkpoint_dir", "data_path", "train_length", "keep_checkpoints", "eval_length")


def build_model(config, vocabulary_size):
    """The model of a run."""
    return VAL(
        config.image_model,
        config.image_size,
        vocabulary_size,
        word_size=config.word_embedding_size,
        text_units=config.text_embedding_size,
        joint_size=config.joint_embedding_size,
        composition=config.composition,
        dropout=config.dropout,
        batch_norm_decay=config.batch_norm_decay,
        weight_decay=config.weight_decay,
        padding_in_training=config.as_published,
    )


def prepare_run(config, vocabulary):
    """Makes the run's folder with config.json and vocab.txt, or checks that it holds this run.

    Raises InputError naming the settings in which an earlier run differs."""
    folder = Path(config.checkpoint_dir)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CONFIG_FILE).exists():
        earlier, now = asdict(load_config(folder)), asdict(config)
        differing = [
            f"{name} {earlier[name]!r}, now {now[name]!r}"
            for name in now
            if name not in MAY_CHANGE and earlier[name] != now[name]
        ]
        if (folder / VOCABULARY_FILE).exists():
            if Vocabulary.load(folder / VOCABULARY_FILE).words != vocabulary.words:
                differing.append("the words of the training captions")
        if differing:
            raise InputError(
                f"{folder}: holds a run with other settings ({'; '.join(differing)}); "
                "repeat them, or give another --checkpoint_dir",
                2,
            )
    vocabulary.save(folder / VOCABULARY_FILE)
    save_config(config)


def checkpoint_path(checkpoint_dir, exact_model_checkpoint=""):
    """The newest checkpoint of a run, or the named one. Raises InputError when there is none."""
    if exact_model_checkpoint:
        path = Path(checkpoint_dir) / Path(exact_model_checkpoint).name
        if not Path(f"{path}.index").exists():
            raise InputError(f"--exact_model_checkpoint: {path}.index not found")
        return str(path)
    path = tf.train.latest_checkpoint(checkpoint_dir)
    if path is None:
        raise InputError(f"{checkpoint_dir}: no checkpoint model.ckpt-<step> in it")
    return path


def restore(checkpoint, path):
    """Restores every object of a tf.train.Checkpoint. Raises InputError naming the file."""
    try:
        checkpoint.restore(path).expect_partial().assert_existing_objects_matched()
    except (tf.errors.OpError, AssertionError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{path}: does not restore ({reason})") from None


def load_trained_model(checkpoint_dir, exact_model_checkpoint=""):
    """A trained run for inference: (model with averaged weights, config, vocabulary, path)."""
    config = load_config(checkpoint_dir)
    vocabulary = Vocabulary.load(Path(checkpoint_dir) / VOCABULARY_FILE)
    path = checkpoint_path(checkpoint_dir, exact_model_checkpoint)
    model = build_model(config, len(vocabulary))
    variables = named_variables(model)
    restore(
        tf.train.Checkpoint(
            averages={name: v.value for name, v in variables.items() if v.trainable},
            weights={name: v.value for name, v in variables.items() if not v.trainable},
        ),
        path,
    )
    return model, config, vocabulary, path
