"""Shoes: a relative caption a triplet; a triplet belongs to the split of its images."""

import re
from pathlib import Path

from command_line.errors import InputError
from datasets.records import Benchmark, Query, Triplet
from datasets.released_files import check_caption, check_name, field, read_entries, read_names

TITLE = "Shoes"
SOURCE = "https://github.com/XiaoxiaoGuo/fashion-retrieval"
SUBSETS = ("",)
PROTOCOLS = ("val",)
DECODER = "tensorflow"  # as published; of datasets/images.py's READ_PIXELS
ANNOTATIONS = ["relative_captions_shoes.json", "train_im_names.txt", "eval_im_names.txt"]
IMAGE_FOLDERS = ("attributedata", "womens_*")
RELEASED = {  # counted in the released files, with the full and the shorter test list
    "train captions": (8_990,),
    "val queries": (1_761,),
    "val gallery": (4_658, 4_642),
}


def read_train_triplets(data_path):
    """One triplet per non-blank caption -> list[Triplet]."""
    return [triplet for triplet in read_shoes(data_path, "train") if triplet.caption]


def read_benchmark(data_path, subset, protocol):
    """The test queries; the gallery is the test list with their images -> Benchmark."""
    triplets = read_shoes(data_path, "val")
    queries = [Query(t.reference, t.caption, (t.target,)) for t in triplets if t.caption]
    return Benchmark.of(queries, read_names(Path(data_path, "eval_im_names.txt")))


def count_empty_captions(data_path, split):
    """Blank captions of `train` or `val`: no triplet, no query."""
    return sum(not triplet.caption for triplet in read_shoes(data_path, split))


def read_shoes(data_path, split):
    """Triplets of `train` or `val`, the split of their images; blank captions as ""."""
    train = set(read_names(Path(data_path, "train_im_names.txt")))
    triplets = []
    for place, entry in read_entries(Path(data_path, "relative_captions_shoes.json")):
        reference = check_name(field(entry, "ReferenceImageName", place), place)
        target = check_name(field(entry, "ImageName", place), place)
        caption = check_caption(field(entry, "RelativeCaption", place), place)
        if (reference in train) != (target in train):
            raise InputError(f"{place}: {reference} and {target} are of different splits")
        if (target in train) == (split == "train"):
            triplets.append(Triplet(reference, target, caption))
    return triplets


def image_places(name, subset):
    """Where an image may lie: (folder below the data path, file names) in order of preference."""
    match = re.fullmatch(r"img_(womens_\w+)_(\d+)\.\w+", name, re.ASCII)
    if not match:
        return []
    kind, thousands = match[1], int(match[2]) // 1000
    folders = [f"attributedata/{kind}/{thousands}", f"attributedata/{kind}"]
    return [(folder, [name]) for folder in [*folders, f"{kind}/{thousands}", kind]]
