"""A tenth of a data set's training triplets as a data root of its own, for choosing settings.

The root is in the released format: its validation part is the tenth, its training part the rest,
its image folders lead to the data set's. No image is in both parts: triplets that share images go
together. For Fashion200k, whose triplets are drawn, a tenth of the training captions with all
their images is taken, and queries are drawn of them.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import datasets
from command_line.errors import InputError
from command_line.files import write_json, write_lines
from datasets.fashion200k import read_fashion200k
from datasets.fashion200k_pairs import one_word_less, sample_triplets
from datasets.fashion_iq import CATEGORIES, read_fashion_iq, read_split
from datasets.pair_index import PairIndex
from datasets.released_files import read_json
from datasets.shoes import read_shoes

SHARE = 0.1
SEED = 0  # one split for all comparisons
ABOUT = "tuning_split.json"


def write_tuning_split(dataset, data_path, folder):
    """Writes the root, unless it is there already -> one line that says what it holds.

    Raises InputError when there is one of other data."""
    folder = Path(folder)
    if not (folder / ABOUT).exists():
        unfinished = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        counts = WRITERS[dataset](Path(data_path), unfinished)
        for pattern in datasets.READERS[dataset].IMAGE_FOLDERS:
            for images in Path(data_path).glob(pattern):
                (unfinished / images.name).symlink_to(images.resolve())
        write_json(unfinished / ABOUT, {"of": str(data_path), "counts": counts})
        os.replace(unfinished, folder)
    about = read_json(folder / ABOUT, dict)
    if about["of"] != str(data_path):
        raise InputError(f"{folder}: of {about['of']}, not of {data_path}; choose another folder")
    counts = about["counts"]
    return f"{folder}: " + ", ".join(f"{number} {what}" for what, number in counts.items())


def split_by_image(pairs, share=SHARE, seed=SEED):
    """Which of the (reference, target) pairs make up the share -> bool [P].

    Pairs that share images, also by way of others, stay together; such groups are taken in a drawn
    order, those left out that are too large for what is still wanted."""
    groups = connected(pairs)
    sizes, wanted = np.bincount(groups), round(share * len(pairs))
    chosen = np.zeros(len(sizes), bool)
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        if 0 < sizes[group] <= wanted:
            chosen[group] = True
            wanted -= sizes[group]
    return chosen[groups]


def connected(pairs):
    """Pairs of anything -> number of the group that each is in by what it shares [P]."""
    number = {name: i for i, name in enumerate(dict.fromkeys(n for pair in pairs for n in pair))}
    edges = np.array([[number[name] for name in pair] for pair in pairs]).T  # [2, P]
    graph = coo_array((np.ones(len(pairs)), edges), shape=(len(number),) * 2)
    return connected_components(graph, directed=False)[1][edges[0]]


def _fashion_iq(data_path, folder):
    rows = [(c, *row) for c in CATEGORIES for row in read_fashion_iq(data_path, c, "train")]
    taken = split_by_image([row[1:3] for row in rows])
    taken_names = {n for row, own in zip(rows, taken, strict=True) if own for n in row[1:3]}
    for category in CATEGORIES:
        names = read_split(data_path, category, "train")
        tags = Path("image_tag_dataset", "tags", f"asin2attr.{category}.train.json")
        if (data_path / tags).exists():
            kept = read_json(data_path / tags, dict)
            kept = {name: value for name, value in kept.items() if name not in taken_names}
            write_lines(folder / tags, [json.dumps(kept)])
        for split, wanted in (("train", False), ("val", True)):
            entries = [
                {"candidate": reference, "target": target, "captions": captions}
                for (own, reference, target, captions), is_taken in zip(rows, taken, strict=True)
                if own == category and is_taken == wanted
            ]
            listed = [name for name in names if (name in taken_names) == wanted]
            write_lines(folder / f"captions/cap.{category}.{split}.json", [json.dumps(entries)])
            path = folder / f"image_splits/split.{category}.{split}.json"
            write_lines(path, [json.dumps(listed)])
    return {"triplets for tuning": int(taken.sum()), "for training": int((~taken).sum())}


def _shoes(data_path, folder):
    triplets = read_shoes(data_path, "train")
    taken = split_by_image([(t.reference, t.target) for t in triplets])
    names = {False: set(), True: set()}
    for triplet, own in zip(triplets, taken, strict=True):
        names[bool(own)].update((triplet.reference, triplet.target))
    entries = [
        {"ImageName": t.target, "ReferenceImageName": t.reference, "RelativeCaption": t.caption}
        for t in triplets
    ]
    write_lines(folder / "relative_captions_shoes.json", [json.dumps(entries)])
    write_lines(folder / "train_im_names.txt", sorted(names[False]))
    write_lines(folder / "eval_im_names.txt", sorted(names[True]))
    if (data_path / "captions_shoes.json").exists():
        shutil.copy(data_path / "captions_shoes.json", folder)
    return {"triplets for tuning": int(taken.sum()), "for training": int((~taken).sum())}


def _fashion200k(data_path, folder):
    images = read_fashion200k(data_path, "train")
    captions = sorted({image.caption for image in images})
    drawn = np.random.default_rng(SEED).permutation(len(captions))[: round(SHARE * len(captions))]
    taken_captions = {captions[i] for i in drawn}
    parts = {"train": [], "test": []}
    for image in images:
        parts["test" if image.caption in taken_captions else "train"].append(image)
    for split, own in parts.items():
        rows = [f"{image.path}\t1.0\t{image.caption}" for image in own]
        write_lines(folder / f"labels/all_{split}_detect_all.txt", rows)
    queries = sample_triplets(PairIndex(parts["test"], one_word_less), SEED, 0)
    write_lines(folder / "test_queries.txt", [f"{q.reference} {q.target}" for q in queries])
    return {
        "queries for tuning": len(queries),
        "images for tuning": len(parts["test"]),
        "for training": len(parts["train"]),
    }


WRITERS = {"fashion_iq": _fashion_iq, "shoes": _shoes, "fashion200k": _fashion200k}
