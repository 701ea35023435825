"""A run from its settings to its last update; with L_vs the visual-semantic stage first."""

import contextlib
from dataclasses import asdict, replace
from pathlib import Path

import datasets
from checkpointing.precision import slow_precision
from checkpointing.run import prepare_run, refuse_other_run
from checkpointing.run_folder import is_trained
from command_line.errors import InputError
from command_line.files import lock_folder
from config import make_config
from evaluation.validation import Validation
from training.devices import all_devices, check_devices, is_chief
from training.examples import build_vocabulary, examples_by_epoch, side_text_examples
from training.loop import train


def train_on_data(config, script):
    """What both training scripts do; InputError for a data set that is the other's."""
    reader = datasets.READERS[config.dataset]
    if reader.TRAINING_SCRIPT != Path(script).name:
        raise InputError(f"--dataset={config.dataset}: use {reader.TRAINING_SCRIPT}", 2)
    with all_devices():
        datasets.require_data(config.dataset, config.data_path)
        training_set = reader.read_training(config.data_path)
        vocabulary = build_vocabulary(config, training_set.texts)
        examples_of_epoch = examples_by_epoch(config, training_set, vocabulary)
        run_training(config, vocabulary, examples_of_epoch, training_set.digest)


def run_training(config, vocabulary, examples_of_epoch, digest=""):
    """Trains config's run; with checkpoint_dir_stage1, first that one if it isn't trained yet.

    examples_of_epoch: of the stage "compose"; stage "visual_semantic" reads its own.
    digest: TrainingSet's."""
    stage1 = config.stage1_folder
    if stage1 and Path(stage1).resolve() == Path(config.checkpoint_dir).resolve():
        raise InputError(f"--checkpoint_dir_stage1={stage1}: the run's own folder; give another", 2)
    check_devices(config.batch_size, config.xla)
    if warning := slow_precision(config.precision):
        print(warning, flush=True)
    if stage1 and not is_trained(stage1):
        if not datasets.READERS[config.dataset].read_side_texts(config.data_path):
            print("stage 1 (L_vs): left out, no picture has a text of its own", flush=True)
            config, stage1 = replace(config, checkpoint_dir_stage1=""), ""
    if config.stage == "visual_semantic":
        examples = side_text_examples(config, vocabulary)
        examples_of_epoch = lambda epoch: examples  # noqa: E731
    validation = None
    if config.eval_length and is_chief():
        validation = Validation(config, vocabulary)
    # Last, so that a run refused for its data leaves no folder behind.
    with lock_folder(config.checkpoint_dir) if is_chief() else contextlib.nullcontext():
        if is_chief():
            prepare_run(config, vocabulary, digest)
        if stage1:
            train_stage1(config, vocabulary, digest)
        train(config, examples_of_epoch, vocabulary, validation)


def train_stage1(config, vocabulary, digest):
    """Trains the visual-semantic run that config's starts from, if need be. Raises InputError where
    it lies within config's and was trained with other settings or data."""
    own = dict(checkpoint_dir=config.stage1_folder, stage="visual_semantic", eval_length=0)
    # A picture with its own text is both reference and target: no further negative.
    first = make_config(**{**asdict(config), **own, "reference_negatives": False})
    if not is_trained(first.checkpoint_dir):
        run_training(first, vocabulary, None, digest)
    elif "/" not in config.checkpoint_dir_stage1:
        refuse_other_run(first, vocabulary, digest)
