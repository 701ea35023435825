"""What a run keeps: <checkpoint_dir>/{config.json, vocab.txt, model.ckpt-<step>.*, checkpoint}.

Variables are stored by the published names (published_names.py), weights and averages apart.
"""

import shutil
from pathlib import Path

import tensorflow as tf

from checkpointing.precision import dtype_policy
from checkpointing.published_names import named_variables
from checkpointing.run_folder import (
    VOCABULARY_FILE,
    changed_settings,
    checkpoint_path,
    has_checkpoint,
    saved_checkpoints,
)
from command_line.errors import InputError, refusal
from command_line.files import write_json
from config import load_config, model_settings, save_config
from datasets.released_files import read_json
from datasets.vocabulary import Vocabulary
from model import VAL

DATA_FILE = "data.json"  # the digest of the data that a run began with, where they have one
CONVERTED_FILE = "converted.json"  # only in a run that convert_published.py made


def prepare_run(config, vocabulary, digest=""):
    """Makes the run's folder with config.json and vocab.txt, or checks that it holds this run.

    digest: TrainingSet's of its data. Raises InputError naming the settings in which
    an earlier run differs; one that ended before its first checkpoint is overwritten."""
    folder = Path(config.checkpoint_dir)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CONVERTED_FILE).exists():
        raise InputError(
            f"{folder}: holds a converted checkpoint, without optimizer state: training can't go "
            "on from it; give another folder",
            2,
        )
    refuse_other_run(config, vocabulary, digest)
    if digest:
        write_json(folder / DATA_FILE, {"digest": digest})
    vocabulary.save(folder / VOCABULARY_FILE)
    save_config(config)


def refuse_other_run(config, vocabulary, digest=""):
    """Raises InputError where config's folder holds a checkpoint of another run, as prepare_run."""
    folder = Path(config.checkpoint_dir)
    data = folder / DATA_FILE
    if has_checkpoint(folder):
        differing = changed_settings(config)
        if Vocabulary.load(folder / VOCABULARY_FILE).words != vocabulary.words:
            differing.append("the words of the training captions")
        if data.exists() and read_json(data, dict).get("digest") != digest:
            differing.append("the data: prepared anew since it began")
        if differing:
            raise InputError(
                f"{folder}: holds a run with other settings ({'; '.join(differing)}); "
                "repeat them, or give another folder",
                2,
            )


def restore(checkpoint, path):
    """Restores every object of a tf.train.Checkpoint. Raises InputError naming the file."""
    try:
        checkpoint.restore(path).expect_partial().assert_existing_objects_matched()
    except (tf.errors.OpError, AssertionError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{path}: does not restore ({reason})") from None


class Saver:
    """The checkpoints of one folder: model.ckpt-<step>, the newest `keep` of them.

    writes: False where another process saves them; this one only restores."""

    def __init__(self, checkpoint, folder, keep, writes=True):
        self.checkpoint, self.folder, self.writes = checkpoint, Path(folder), writes
        checkpoint.save_counter  # noqa: B018 - made here, as workers have to make variables together
        if not writes:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob("model.ckpt-*_temp"):  # of a save that was killed
            shutil.rmtree(leftover)
        for leftover in self.folder.glob("model.ckpt-*.data-*"):
            if not leftover.with_name(leftover.name.split(".data-")[0] + ".index").exists():
                leftover.unlink()
        self.manager = tf.train.CheckpointManager(
            checkpoint, str(folder), max_to_keep=keep, checkpoint_name="model.ckpt"
        )

    def save(self, step):
        """Raises InputError when the disk refuses; the checkpoints before stay as they are."""
        if not self.writes:
            return None
        try:
            return self.manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            reason = refusal(error) or " ".join(str(error).split())[:200]
            raise InputError(
                f"{self.folder}: checkpoint of step {step} not saved ({reason}); "
                "the ones before it are intact"
            ) from None

    def restore_newest(self):
        """Restores the newest readable checkpoint and returns its path, or None without any.

        A damaged one is named and the one before it taken. Raises InputError if all are."""
        paths = saved_checkpoints(self.folder)
        for path in reversed(paths):
            try:
                restore(self.checkpoint, path)
                return path
            except InputError as error:
                print(f"{error}; taking the checkpoint before it", flush=True)
        if paths:
            raise InputError(f"{self.folder}: none of its checkpoints is readable")
        return None


def load_trained_model(checkpoint_dir, exact_model_checkpoint="", precision="float32"):
    """A trained run for inference: (model with averaged weights, config, vocabulary, path).

    precision: of the layers, whatever the run was trained in; weights are float32 in both."""
    config = load_config(checkpoint_dir)
    vocabulary = Vocabulary.load(Path(checkpoint_dir) / VOCABULARY_FILE)
    path = checkpoint_path(checkpoint_dir, exact_model_checkpoint)
    with dtype_policy(precision):
        model = VAL(len(vocabulary), **model_settings(config))
    variables = named_variables(model)
    restore(
        tf.train.Checkpoint(
            averages={name: v.value for name, v in variables.items() if v.trainable},
            weights={name: v.value for name, v in variables.items() if not v.trainable},
        ),
        path,
    )
    return model, config, vocabulary, path
