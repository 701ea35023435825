"""A tenth of a data set's training triplets as a data root of its own, for choosing settings.

The root is in the released format: its validation part is the tenth, its training part the rest,
its image folders lead to the data set's. No image is in both parts: triplets that share images go
together. Where triplets are drawn, a tenth of the training captions with all their images is
taken, and queries are drawn of them. The data set's reader says what the root's files hold.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from command_line.errors import InputError
from command_line.files import whole_folder, write_json, write_lines
from datasets.released_files import read_json

SHARE = 0.1
SEED = 0  # one split for all comparisons
ABOUT = "tuning_split.json"


def write_tuning_split(reader, data_path, folder):
    """Writes the root, unless it is there already -> one line that says what it holds.

    reader: the data set's module. Raises InputError when there is a root of other data."""
    folder = Path(folder)
    if not (folder / ABOUT).exists():
        counts, files = reader.tuning_root(data_path)
        with whole_folder(folder) as unfinished:
            for name, lines in files.items():
                write_lines(unfinished / name, lines)
            for pattern in reader.IMAGE_FOLDERS:
                for images in Path(data_path).glob(pattern):
                    (unfinished / images.name).symlink_to(images.resolve())
            write_json(unfinished / ABOUT, {"of": str(data_path), "counts": counts})
    about = read_json(folder / ABOUT, dict)
    if about["of"] != str(data_path):
        raise InputError(f"{folder}: of {about['of']}, not of {data_path}; choose another folder")
    counts = about["counts"]
    return f"{folder}: " + ", ".join(f"{number} {what}" for what, number in counts.items())


def join(pairs):
    """Pairs of anything -> {each member: the first of its group}: what pairs share, also by way of
    others, is one group."""
    above = {}  # member -> another of its group, the group's first -> itself

    def first(name):
        while above.setdefault(name, name) != name:
            above[name] = name = above[above[name]]
        return name

    for one, other in pairs:
        above[first(other)] = first(one)
    return {name: first(name) for name in list(above)}


def split_by_image(pairs, share=SHARE):
    """The images of that share of the (reference, target) pairs -> (set of names, {what: count}).

    Pairs that share images, also by way of others, stay together; such groups are taken in a drawn
    order, those left out that are too large for what is still wanted."""
    first = join(pairs)
    sizes = Counter(first[reference] for reference, _ in pairs)  # pairs of a group
    groups, taken, number = list(sizes), set(), 0
    for i in np.random.default_rng(SEED).permutation(len(groups)):
        if number + sizes[groups[i]] <= round(share * len(pairs)):
            taken.add(groups[i])
            number += sizes[groups[i]]
    counts = {"triplets for tuning": number, "for training": len(pairs) - number}
    return {name for name in first if first[name] in taken}, counts
