"""Shoes: a relative caption a triplet; a triplet belongs to the split of its images."""

import json
import re
from pathlib import Path

from command_line.errors import InputError
from datasets.records import Benchmark, LabelledImage, Query, TrainingSet, Triplet
from datasets.released_files import check_caption, check_name, field, read_entries, read_names
from datasets.tuning_split import split_by_image

TITLE = "Shoes"
SOURCE = (
    "captions: github.com/XiaoxiaoGuo/fashion-retrieval; images: the Attribute Discovery Dataset, "
    "tamaraberg.com/attributesDataset"
)
PREPARE = "bash scripts/prepare_data.sh shoes"
TRAINING_SCRIPT = "train_val.py"
SIDE_TEXT_IMAGES = ""
SUBSETS = ("",)
PROTOCOLS = ("val",)
DECODER = "tensorflow"  # as published; of datasets/images.py's READ_PIXELS
read_urls = read_values = read_table = None  # its images have none
CAPTIONS, SIDE_TEXTS = "relative_captions_shoes.json", "captions_shoes.json"
TRAIN, TEST = "train_im_names.txt", "eval_im_names.txt"
ANNOTATIONS = [CAPTIONS, TRAIN, TEST]
IMAGE_FOLDERS = ("attributedata", "womens_*", "images", "Images")
RELEASED = {  # counted in the released files, with the full and the shorter test list
    "train captions": (8_990,),
    "val queries": (1_761,),
    "val gallery": (4_658, 4_642),
}


def read_training(data_path):
    """One triplet per non-blank caption."""
    return TrainingSet([triplet for triplet in read_shoes(data_path, "train") if triplet.caption])


def read_side_texts(data_path):
    """Training images with their captions."""
    train = set(read_names(Path(data_path, TRAIN)))
    texts = []
    for place, entry in read_entries(Path(data_path, SIDE_TEXTS)):
        name = check_name(field(entry, "ImageName", place), place)
        text = check_caption(field(entry, "Caption", place), place)
        if name in train and text:
            texts.append(LabelledImage(name, text))
    return texts


def read_benchmark(data_path, subset, protocol):
    """The test queries; the gallery is the test list with their images -> Benchmark."""
    triplets = read_shoes(data_path, "val")
    queries = [Query(t.reference, t.caption, (t.target,)) for t in triplets if t.caption]
    return Benchmark.of(queries, read_names(Path(data_path, TEST)))


def count_empty_captions(data_path, split):
    """Blank captions of `train` or `val`: no triplet, no query."""
    return sum(not triplet.caption for triplet in read_shoes(data_path, split))


def read_shoes(data_path, split):
    """Triplets of `train` or `val`, the split of their images; blank captions as ""."""
    train = set(read_names(Path(data_path, TRAIN)))
    triplets = []
    for place, entry in read_entries(Path(data_path, CAPTIONS)):
        reference = check_name(field(entry, "ReferenceImageName", place), place)
        target = check_name(field(entry, "ImageName", place), place)
        caption = check_caption(field(entry, "RelativeCaption", place), place)
        if (reference in train) != (target in train):
            raise InputError(f"{place}: {reference} and {target} are of different splits")
        if (target in train) == (split == "train"):
            triplets.append(Triplet(reference, target, caption))
    return triplets


def image_places(name, subset):
    """Where an image may lie: (folder below the data path, file name) in order of preference."""
    match = re.fullmatch(r"img_(womens_\w+)_(\d+)\.\w+", name, re.ASCII)
    if not match:
        return []
    kind, thousands = match[1], int(match[2]) // 1000
    kinds = [f"{root}{kind}" for root in ("attributedata/", "", "images/", "Images/")]
    folders = [folder for each in kinds for folder in (f"{each}/{thousands}", each)]
    return [(folder, name) for folder in [*folders, "attributedata", "images", "Images"]]


def tuning_root(data_path):
    """The lists of images divide the triplets."""
    triplets = read_shoes(data_path, "train")
    taken, counts = split_by_image([triplet[:2] for triplet in triplets])
    entries = [
        {"ImageName": t.target, "ReferenceImageName": t.reference, "RelativeCaption": t.caption}
        for t in triplets
    ]
    trained = {name for triplet in triplets for name in triplet[:2]} - taken
    files = {CAPTIONS: [json.dumps(entries)], TRAIN: sorted(trained), TEST: sorted(taken)}
    if (path := Path(data_path, SIDE_TEXTS)).exists():
        files[SIDE_TEXTS] = [json.dumps([entry for _, entry in read_entries(path)])]
    return counts, files
