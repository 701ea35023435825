"""What an index was made with: features of two models must never meet. No TensorFlow here, so that
a run with nothing to do starts at once."""

import hashlib
import importlib.metadata
import json
from dataclasses import asdict
from pathlib import Path

from checkpointing.run_folder import MAY_CHANGE_ON_RESUME, VOCABULARY_FILE
from command_line.errors import InputError
from config import load_config


def fingerprint(checkpoint_dir, path):
    """Digests of the checkpoint model.ckpt-<step> at path -> {"weights", "config", "vocabulary"}.

    Raises InputError naming the file that is missing."""
    settings = asdict(load_config(checkpoint_dir))
    config = {name: value for name, value in settings.items() if name not in MAY_CHANGE_ON_RESUME}
    # The index file of a TensorFlow checkpoint holds the checksum of every tensor.
    return {
        "weights": digest(Path(f"{path}.index")),
        "config": hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest(),
        "vocabulary": digest(Path(checkpoint_dir, VOCABULARY_FILE)),
    }


def digest(path):
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def require_same(about, path, now):
    """Raises InputError naming what differs, when the index `about` was made with another model
    than the checkpoint at path, whose fingerprint is `now`."""
    differing = [name for name, value in now.items() if about["fingerprint"].get(name) != value]
    if differing:
        raise InputError(
            f"{about['folder']}: made with {about['checkpoint']}, not with {path} "
            f"(other {' and '.join(differing)}); give another --index_dir or --database"
        )


def versions(packages, install):
    """Raises InputError for a package that is not there; install: how those are had."""
    try:
        return {name: importlib.metadata.version(name) for name in packages}
    except importlib.metadata.PackageNotFoundError as error:
        name = error.name
        raise InputError(f"needs {name}: {install.get(name, 'bash scripts/setup.sh')}") from None
