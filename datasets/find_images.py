"""Where the images lie, in any layout users have, and which are missing."""

import os
from pathlib import Path

import datasets
from command_line.errors import InputError
from datasets.image_files import SUFFIXES

ENDINGS = sorted({*SUFFIXES, *map(str.upper, SUFFIXES)})


def image_paths(dataset, data_path, names, subset=""):
    """Files of the named images -> {name: Path}, existing ones only. Each folder is listed once."""
    root, listed, found = Path(data_path), {}, {}
    for name in names:
        for folder, files in datasets.READERS[dataset].image_places(name, subset):
            if folder not in listed:
                listed[folder] = _file_names(root / folder)
            file = next((file for file in files if file in listed[folder]), None)
            if file:
                found[name] = root / folder / file
                break
    return found


def require_images(config, subset, *names):
    """Files of the named images. Raises InputError when some are missing, unless the run allows
    it; then says how many."""
    wanted = {name for group in names for name in group}
    paths = image_paths(config.dataset, config.data_path, sorted(wanted), subset)
    missing = sorted(wanted - set(paths))
    if missing:
        what = (
            f"{config.data_path}: {len(missing)} of {len(wanted)} {subset} images are missing "
            f"(first: {missing[0]})".replace("  ", " ")
        )
        if not config.allow_missing:
            raise InputError(f"{what}; train with --allow_missing=True to do without them")
        print(what)
    return paths


def find_written(names, folder):
    """Files of names as people write them, with or without ending -> {name: path below the folder},
    those there are; of several the exact name, then the first ending in the alphabet."""
    listed, found = {}, {}
    for name in names:
        parent, file = os.path.split(name)
        if parent not in listed:
            listed[parent] = _file_names(Path(folder, parent))
        files = (file + ending for ending in ("", *ENDINGS))
        if match := next((file for file in files if file in listed[parent]), None):
            found[name] = os.path.join(parent, match)
    return found


def _file_names(folder):
    """Names of the files in a folder, the empty set when there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from None
