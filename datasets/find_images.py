"""Where the images lie, in any layout users have, and which are missing."""

import os
from itertools import islice
from pathlib import Path

import datasets
from command_line.errors import InputError
from datasets.image_files import open_images
from datasets.pictures import SUFFIXES
from datasets.released_files import without_ending

RANK = {ending: rank for rank, ending in enumerate(SUFFIXES)}
SHOWN = 3  # examples of pictures that lie elsewhere
MANY = 0.1  # of the images: so many are not missing by chance, but looked for in the wrong place
MOST_FOLDERS = 100  # that are looked into for an example


def image_paths(dataset, data_path, names, subset=""):
    """Files of the named images -> {name: Path}, existing ones only, as find_file finds them."""
    places, listed, found = datasets.READERS[dataset].image_places, {}, {}
    for name in names:
        for folder, file in places(name, subset):
            folder = os.path.join(data_path, folder)
            if match := find_file(file, folder, listed):
                found[name] = Path(folder, match)
                break
    return found


def find_file(name, folder, listed):
    """The file of a picture's name, or None. Endings and their case don't matter: of several the
    exact name, then the first ending in SUFFIXES. listed: {folder: its files}, filled here."""
    if folder not in listed:
        files = sorted(_file_names(folder), key=_rank, reverse=True)
        listed[folder] = {without_ending(file): file for file in files}
        listed[folder].update((file, file) for file in files)
    files = listed[folder]
    return files and (files.get(name) or files.get(without_ending(name))) or None


def _rank(file):
    return RANK.get(os.path.splitext(file)[1].lower(), len(RANK)), file


def require_images(config, subset, *names):
    """Files of the named images. Raises InputError when some are missing, unless the run allows
    it; then says how many, and how many are unreadable: those are left out too."""
    wanted = {name for group in names for name in group}
    paths = image_paths(config.dataset, config.data_path, sorted(wanted), subset)
    missing = sorted(wanted - set(paths))
    if missing:
        what = (
            f"{config.data_path}: {len(missing)} of {len(wanted)} {subset} images are missing "
            f"(first: {missing[0]})".replace("  ", " ")
        ) + where_looked(config.dataset, config.data_path, missing, wanted, subset)
        if not config.allow_missing:
            raise InputError(f"{what}; train with --allow_missing=True to do without them")
        print(what)
    if config.allow_missing:
        reasons, _ = open_images(list(paths.values()))
        for path, reason in list(reasons.items())[:1]:
            print(f"{config.data_path}: {len(reasons)} of {len(paths)} {subset} images are "
                  f"unreadable (first: {path}: {reason})".replace("  ", " "))  # fmt: skip
        paths = {name: path for name, path in paths.items() if path not in reasons}
    return paths


def where_looked(dataset, data_path, missing, wanted, subset=""):
    """Where the first of the missing names was looked for, and where pictures lie instead; "" where
    they are few of the wanted ones."""
    if len(missing) < MANY * len(wanted):
        return ""
    places = datasets.READERS[dataset].image_places(missing[0], subset)
    example, *others = (os.path.join(*place) for place in places) if places else [missing[0]]
    folders = sorted({os.path.dirname(path) or "." for path in others} - {os.path.dirname(example)})
    elsewhere = f", and in {', '.join(folders)}" if folders else ""
    lying = ", ".join(pictures_below(data_path)) or "no pictures"
    return f"; looked for {example} (any picture's ending){elsewhere}; there are: {lying}"


def pictures_below(root):
    """The first picture of each of the first folders below root that hold some, root among them."""
    found = []
    for folder, folders, files in islice(os.walk(root, followlinks=True), MOST_FOLDERS):
        folders.sort()
        pictures = sorted(file for file in files if without_ending(file) != file)
        found += [os.path.relpath(os.path.join(folder, file), root) for file in pictures[:1]]
    return found[:SHOWN]


def find_written(names, folder):
    """Files of names as people write them -> {name: path below the folder}, those there are, as
    find_file finds them."""
    listed, found = {}, {}
    for name in names:
        parent, file = os.path.split(name)
        if match := find_file(file, os.path.join(folder, parent), listed):
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
