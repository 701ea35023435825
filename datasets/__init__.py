"""Readers of the released annotation files of FashionIQ, Shoes and Fashion200k -> plain records.

Formats, sources, folder layouts: data/README.md. `data_path` is the root of one data set, such as
data/fashion_iq. Records come in released order. InputError names file and entry of what is wrong.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from command_line.errors import InputError
from datasets.released_files import (
    check_caption,
    check_name,
    field,
    read_entries,
    read_json,
    read_lines,
    read_names,
)

TITLES = {"fashion_iq": "FashionIQ", "shoes": "Shoes", "fashion200k": "Fashion200k"}


CATEGORIES = ("dress", "shirt", "toptee")  # of FashionIQ
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
SOURCES = {
    "fashion_iq": "https://github.com/XiaoxiaoGuo/fashion-iq",
    "shoes": "https://github.com/XiaoxiaoGuo/fashion-retrieval",
    "fashion200k": "https://github.com/xthan/fashion-200k",
}
ANNOTATIONS = {
    "fashion_iq": [
        file
        for split in ("train", "val")
        for name in CATEGORIES
        for file in (f"captions/cap.{name}.{split}.json", f"image_splits/split.{name}.{split}.json")
    ],
    "shoes": ["relative_captions_shoes.json", "train_im_names.txt", "eval_im_names.txt"],
    "fashion200k": ["labels", "test_queries.txt"],
}
IMAGE_FOLDERS = {
    "fashion_iq": ("image_data", "images", *CATEGORIES),
    "shoes": ("attributedata", "womens_*"),
    "fashion200k": ("women", "dresses", "jackets", "pants", "skirts", "tops"),
}


class Triplet(NamedTuple):
    """One training example."""

    reference: str  # image name: ASIN (FashionIQ), file name (Shoes), women/... path (Fashion200k)
    target: str
    caption: str  # one relative caption, raw
    subset: str = ""  # FashionIQ category


class Query(NamedTuple):
    """One test query; targets are all its correct gallery names (several only for Fashion200k)."""

    reference: str
    caption: str
    targets: tuple[str, ...]


class Benchmark(NamedTuple):
    queries: list[Query]  # released order
    gallery: list[str]  # image names, sorted, unique


class LabelledImage(NamedTuple):  # of Fashion200k
    path: str  # women/<category>/<sub>/<id>/<file>
    caption: str


def subsets(dataset):
    """The parts evaluated on their own: FashionIQ's categories, else one nameless part."""
    return CATEGORIES if dataset == "fashion_iq" else ("",)


def protocols(dataset):
    """Evaluation protocols: `val` is the paper's, `original` FashionIQ's own."""
    return ("val", "original") if dataset == "fashion_iq" else ("val",)


def read_train_triplets(dataset, data_path):
    """Training triplets of FashionIQ or Shoes, one per non-blank caption (count_empty_captions).

    Fashion200k's are drawn: fashion200k.sample_triplets.
    """
    if dataset == "shoes":
        return [triplet for triplet in read_shoes(data_path, "train") if triplet.caption]
    return [
        Triplet(reference, target, caption, category)
        for category in CATEGORIES
        for reference, target, captions in read_fashion_iq(data_path, category, "train")
        for caption in captions
        if caption
    ]


def read_benchmark(dataset, data_path, subset="", protocol="val"):
    """Queries and gallery of one subset under one protocol -> Benchmark."""
    for flag, value, known in (
        ("subset", subset, subsets(dataset)),
        ("protocol", protocol, protocols(dataset)),
    ):
        if value not in known:
            raise InputError(f"--{flag}={value}: {dataset} has {' '.join(known) or 'none'}", 2)
    if dataset == "fashion200k":
        return _fashion200k_benchmark(data_path)
    if dataset == "shoes":
        triplets = read_shoes(data_path, "val")
        queries = [Query(t.reference, t.caption, (t.target,)) for t in triplets if t.caption]
        listed = read_names(Path(data_path, "eval_im_names.txt"))
    else:
        queries = []
        for reference, target, captions in read_fashion_iq(data_path, subset, "val"):
            texts = [caption for caption in captions if caption]
            if protocol == "original" and texts:
                texts = [" and ".join(texts)]
            queries += [Query(reference, text, (target,)) for text in texts]
        listed = read_split(data_path, subset, "val") if protocol == "original" else []
    shown = {name for query in queries for name in (query.reference, *query.targets)}
    return Benchmark(queries, sorted(shown.union(listed)))


def count_empty_captions(dataset, data_path, split):
    """Blank captions of `train` or `val`: no triplet, no query."""
    if dataset == "fashion200k":
        images = read_fashion200k(data_path, "train" if split == "train" else "test")
        return sum(not image.caption for image in images)
    if dataset == "shoes":
        return sum(not triplet.caption for triplet in read_shoes(data_path, split))
    entries = (entry for name in CATEGORIES for entry in read_fashion_iq(data_path, name, split))
    return sum(not caption for _, _, captions in entries for caption in captions)


def read_split(data_path, category, split):
    """ASINs of FashionIQ's image_splits/split.<category>.<split>.json, released order."""
    path = Path(data_path, "image_splits", f"split.{category}.{split}.json")
    return [check_name(name, f"{path}: entry {i}") for i, name in enumerate(read_json(path, list))]


def read_fashion_iq(data_path, category, split):
    """One caption file, `train` or `val` -> [(reference, target, [caption, ...])], blanks as ""."""
    path = Path(data_path, "captions", f"cap.{category}.{split}.json")
    known = set(read_split(data_path, category, split))
    rows = []
    for place, entry in read_entries(path):
        names = [check_name(field(entry, key, place), place) for key in ("candidate", "target")]
        for name in names:
            if name not in known:
                raise InputError(f"{place}: ASIN {name} is not in split.{category}.{split}.json")
        captions = field(entry, "captions", place)
        if not isinstance(captions, list):
            raise InputError(f'{place}: "captions" is not a list')
        rows.append((*names, [check_caption(caption, place) for caption in captions]))
    return rows


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


def read_fashion200k(data_path, split):
    """Labelled images of `train` or `test`, label files in sorted order -> list[LabelledImage]."""
    files = sorted(Path(data_path, "labels").glob(f"*_{split}_detect_all.txt"))
    if not files:
        raise InputError(f"{Path(data_path, 'labels')}: no file *_{split}_detect_all.txt")
    images = []
    for path in files:
        for number, line in enumerate(read_lines(path), 1):
            place, columns = f"{path}:{number}", line.split("\t")
            if len(columns) != 3:
                raise InputError(f"{place}: {len(columns)} columns instead of path, score, caption")
            caption = check_caption(columns[2], place)
            images.append(LabelledImage(_fashion200k_name(columns[0], place), caption))
    return images


def modification(reference_caption, target_caption):
    """Fashion200k's text: `replace <a> with <b>`, each the first word the other caption lacks.

    Where a caption has no such word its last one is taken, as the published loop ends there.
    """
    ours, theirs = reference_caption.split(), target_caption.split()
    removed = next((word for word in ours if word not in theirs), ours[-1] if ours else "")
    added = next((word for word in theirs if word not in ours), theirs[-1] if theirs else "")
    return f"replace {removed} with {added}"


def image_paths(dataset, data_path, names, subset=""):
    """Files of the named images, in any layout users have -> {name: Path}, existing ones only.

    Each folder is listed once. A FashionIQ image in two categories is one picture (one URL), so
    all categories are searched, `subset` first.
    """
    root, listed, found = Path(data_path), {}, {}
    for name in names:
        for folder, files in _candidates(dataset, name, subset):
            if folder not in listed:
                listed[folder] = _file_names(root / folder)
            file = next((file for file in files if file in listed[folder]), None)
            if file:
                found[name] = root / folder / file
                break
    return found


def split_complete(triplets, paths):
    """Triplets whose two images are in `paths` -> (kept, sorted names of the missing images)."""
    kept = [t for t in triplets if t.reference in paths and t.target in paths]
    missing = {name for t in triplets for name in (t.reference, t.target) if name not in paths}
    return kept, sorted(missing)


def require_data(dataset, data_path, images=True):
    """Raises InputError (exit code 2) when annotations or, if `images`, all images are missing."""
    if dataset not in ANNOTATIONS:
        raise InputError(f"--dataset={dataset}: not one of {', '.join(ANNOTATIONS)}", 2)
    root = Path(data_path)
    absent = [name for name in ANNOTATIONS[dataset] if not (root / name).exists()]
    if images and not any(next(root.glob(name), None) for name in IMAGE_FOLDERS[dataset]):
        absent.append(f"images ({IMAGE_FOLDERS[dataset][0]}/)")
    if absent:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise InputError(
            f"{data_path}: no {absent[0]}{more}. {dataset} comes from {SOURCES[dataset]}; "
            f"prepare it with: bash scripts/prepare_data.sh {dataset}",
            2,
        )


def _fashion200k_benchmark(data_path):
    caption_of, images_of = {}, {}
    for image in read_fashion200k(data_path, "test"):
        if image.path not in caption_of:  # an image listed twice keeps its first caption
            caption_of[image.path] = image.caption
            images_of.setdefault(image.caption, []).append(image.path)
    images_of = {caption: tuple(names) for caption, names in images_of.items()}
    path = Path(data_path, "test_queries.txt")
    queries = []
    for number, line in enumerate(read_lines(path), 1):
        place, columns = f"{path}:{number}", line.split()
        if len(columns) != 2:
            raise InputError(f"{place}: {len(columns)} columns instead of reference, target")
        reference, target = (_fashion200k_name(column, place) for column in columns)
        for name in (reference, target):
            if name not in caption_of:
                raise InputError(f"{place}: {name} is in no labels/*_test_detect_all.txt")
        text = modification(caption_of[reference], caption_of[target])
        queries.append(Query(reference, text, images_of[caption_of[target]]))
    return Benchmark(queries, sorted(caption_of))


def _fashion200k_name(path, place):
    """women/<category>/<sub>/<id>/<file>, also from a file that leaves out the leading women/."""
    name = path.strip()
    check_name(name, place, folders=True)
    return name if name.startswith("women/") else f"women/{name}"


def _candidates(dataset, name, subset):
    """Where an image may lie: (folder below the data path, file names) in order of preference."""
    if dataset == "fashion_iq":
        files = [name + suffix for suffix in IMAGE_SUFFIXES]
        categories = sorted(CATEGORIES, key=lambda category: category != subset)
        folders = [f"image_data/{category}" for category in categories] + ["images", *categories]
        return [(folder, files) for folder in folders]
    if dataset == "shoes":
        match = re.fullmatch(r"img_(womens_\w+)_(\d+)\.\w+", name, re.ASCII)
        if not match:
            return []
        kind, thousands = match[1], int(match[2]) // 1000
        folders = [f"attributedata/{kind}/{thousands}", f"attributedata/{kind}"]
        return [(folder, [name]) for folder in [*folders, f"{kind}/{thousands}", kind]]
    check_name(name, "image", folders=True)
    folder, _, file = name.rpartition("/")
    return [(folder, [file]), (folder.removeprefix("women").lstrip("/"), [file])]


def _file_names(folder):
    """Names of the files in a folder, the empty set when there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from None
