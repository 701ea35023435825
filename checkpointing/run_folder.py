"""What lies in a run's folder, found without TensorFlow."""

import os
from dataclasses import asdict
from pathlib import Path

from command_line.errors import InputError
from config import CONFIG_FILE, load_config

VOCABULARY_FILE = "vocab.txt"
# Settings that may differ when a run goes on: where things lie, whether all have to, how long and
# how watched.
MAY_CHANGE_ON_RESUME = (
    "checkpoint_dir", "data_path", "train_length", "keep_checkpoints", "eval_length",
    "allow_missing",
)  # fmt: skip


def changed_settings(config, may_change=MAY_CHANGE_ON_RESUME):
    """["name was, now is"] of the settings in which the run in config's folder, which must be
    there, differs from config; those that may change left out."""
    earlier, now = asdict(load_config(config.checkpoint_dir)), asdict(config)
    return [
        f"{name} {earlier[name]!r}, now {now[name]!r}"
        for name in now
        if name not in may_change and earlier[name] != now[name]
    ]


def checkpoint_path(checkpoint_dir, exact_model_checkpoint=""):
    """The newest checkpoint of a run, or the named one, as best/model.ckpt-<step>. Raises
    InputError when there is none, or it is of another folder."""
    if exact_model_checkpoint:
        path, folder = Path(exact_model_checkpoint), Path(checkpoint_dir)
        path = path if path.is_relative_to(folder) else folder / path
        if not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)):
            raise InputError(f"{path}: not in {folder}")
        if not path.name.rpartition("-")[2].isdigit():
            raise InputError(f"{path}: not <name>-<step>")
        if not Path(f"{path}.index").exists():
            raise InputError(f"{path}.index not found")
        return str(path)
    paths = saved_checkpoints(checkpoint_dir)
    if not paths:
        raise InputError(f"{checkpoint_dir}: no checkpoint model.ckpt-<step> in it")
    return paths[-1]


def saved_checkpoints(folder):
    """Paths model.ckpt-<step> in a folder, by step. Read from the files themselves: the list in
    the file `checkpoint` may be older or lost."""
    found = [path.with_suffix("") for path in Path(folder).glob("model.ckpt-*.index")]
    steps = [path for path in found if path.name.rsplit("-", 1)[1].isdigit()]
    return [str(path) for path in sorted(steps, key=lambda path: int(path.name.rsplit("-", 1)[1]))]


def has_checkpoint(folder):
    """Whether a run's folder holds what training goes on from; else it begins anew, with any
    settings."""
    return Path(folder, CONFIG_FILE).exists() and bool(saved_checkpoints(folder))


def is_trained(folder):
    """Whether a run's folder holds its last checkpoint."""
    if not Path(folder, CONFIG_FILE).exists():
        return False
    last = f"model.ckpt-{load_config(folder).train_length}"
    return last in [Path(path).name for path in saved_checkpoints(folder)]
