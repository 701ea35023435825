"""FashionIQ: three categories, each triplet with two relative captions."""

import json
import re
from pathlib import Path

from command_line.errors import InputError
from datasets.records import Benchmark, LabelledImage, Query, TrainingSet, Triplet
from datasets.released_files import (
    check_caption,
    check_name,
    field,
    read_entries,
    read_json,
    read_lines,
    without_ending,
)
from datasets.tuning_split import split_by_image

TITLE = "FashionIQ"
SOURCE = (
    "annotations: github.com/XiaoxiaoGuo/fashion-iq; images: Amazon's, by the URLs of "
    "github.com/hongwang600/fashion-iq-metadata"
)
PREPARE = "bash scripts/prepare_data.sh fashion_iq"
TRAINING_SCRIPT = "train_val.py"
SIDE_TEXT_IMAGES = "; download_fashion_iq.py --all fetches them"
SUBSETS = CATEGORIES = ("dress", "shirt", "toptee")
PROTOCOLS = ("val", "original")  # the VAL paper's; FashionIQ's own
DECODER = "tensorflow"  # as published; of datasets/images.py's READ_PIXELS
read_values = read_table = None  # its images have none
CAPTIONS, SPLITS = "captions/cap.{}.{}.json", "image_splits/split.{}.{}.json"
TAGS = "image_tag_dataset/tags/asin2attr.{}.train.json"
ANNOTATIONS = [
    file.format(category, split)
    for split in ("train", "val")
    for category in CATEGORIES
    for file in (CAPTIONS, SPLITS)
]
IMAGE_FOLDERS = ("image_data", "images", *CATEGORIES, "resized_image")
ASIN = re.compile(r"[A-Z0-9]{10}")
MAX_TAG_WORDS = 20  # published generate_tags_fashion_iq.py
RELEASED = {  # counted in the released files, of each category
    what.format(category): (count,)
    for what, counts in {
        "train {} captions": (11_970, 11_976, 12_042),
        "val {} queries": (4_034, 4_075, 3_920),
        "val {} gallery": (2_628, 3_089, 2_902),
        "original {} queries": (2_017, 2_038, 1_961),
        "original {} gallery": (3_817, 6_346, 5_373),
    }.items()
    for category, count in zip(CATEGORIES, counts, strict=True)
}


def read_training(data_path):
    """One triplet per non-blank caption."""
    triplets = [
        Triplet(reference, target, caption, category)
        for category in CATEGORIES
        for reference, target, captions in read_fashion_iq(data_path, category, "train")
        for caption in captions
        if caption
    ]
    return TrainingSet(triplets)


def read_side_texts(data_path):
    """Training images with their attribute tags."""
    texts = []
    for category in CATEGORIES:
        path = Path(data_path, TAGS.format(category))
        for name, tags in read_json(path, dict).items():
            if text := tag_text(tags, f"{path}: {name!r}"):
                texts.append(LabelledImage(check_asin(name, path), text, category))
    return texts


def tag_text(tags, place):
    """Lists of tags -> words of the lists reversed, lower case, each once, the last 20."""
    try:
        words = [word for tag_list in reversed(tags) for tag in tag_list for word in tag.split()]
    except (TypeError, AttributeError):
        raise InputError(f"{place}: tags are not a list of lists of words") from None
    return " ".join(list(dict.fromkeys(word.lower() for word in words))[-MAX_TAG_WORDS:])


def read_benchmark(data_path, subset, protocol):
    """Queries and gallery of one category -> Benchmark.

    val: each non-blank caption is a query, the gallery is the queries' references and targets.
    original: both captions joined, the gallery is the split."""
    queries = []
    for reference, target, captions in read_fashion_iq(data_path, subset, "val"):
        texts = [caption for caption in captions if caption]
        if protocol == "original" and texts:
            texts = [" and ".join(texts)]
        queries += [Query(reference, text, (target,)) for text in texts]
    listed = read_split(data_path, subset, "val") if protocol == "original" else []
    return Benchmark.of(queries, listed)


def count_empty_captions(data_path, split):
    """Blank captions of `train` or `val`: no triplet, no query."""
    entries = (entry for name in CATEGORIES for entry in read_fashion_iq(data_path, name, split))
    return sum(not caption for _, _, captions in entries for caption in captions)


def read_split(data_path, category, split):
    """ASINs of a category's `train` or `val`, released order."""
    path = Path(data_path, SPLITS.format(category, split))
    return [check_asin(name, f"{path}: entry {i}") for i, name in enumerate(read_json(path, list))]


def check_asin(name, place):
    """An image's name, without the .jpg that it has in some copies of the files."""
    return without_ending(check_name(name, place))


def read_fashion_iq(data_path, category, split):
    """One caption file, `train` or `val` -> [(reference, target, [caption, ...])], blanks as ""."""
    path = Path(data_path, CAPTIONS.format(category, split))
    known = set(read_split(data_path, category, split))
    rows = []
    for place, entry in read_entries(path):
        names = [check_asin(field(entry, key, place), place) for key in ("candidate", "target")]
        for name in names:
            if name not in known:
                raise InputError(f"{place}: ASIN {name} is not in split.{category}.{split}.json")
        captions = field(entry, "captions", place)
        if not isinstance(captions, list):
            raise InputError(f'{place}: "captions" is not a list')
        # An entry without captions counts as one with a blank one.
        rows.append((*names, [check_caption(caption, place) for caption in captions or [""]]))
    return rows


def read_urls(data_path):
    """{ASIN: URL}, of the lists that are there."""
    urls = {}
    for category in CATEGORIES:
        if url_list(data_path, category).exists():
            urls.update(read_url_list(data_path, category))
    return urls


def url_list(data_path, category):
    """asin2url.<category>.txt, where there is one."""
    folders = [Path(data_path, "image_tag_dataset", "image_url"), Path(data_path, "image_url")]
    paths = [folder / f"asin2url.{category}.txt" for folder in folders]
    return next((path for path in paths if path.exists()), paths[0])


def read_url_list(data_path, category):
    """One url_list -> {ASIN: URL}; InputError names the line."""
    path, urls = url_list(data_path, category), {}
    for number, line in enumerate(read_lines(path), 1):
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) != 2:
            raise InputError(f"{path}:{number}: {len(columns)} columns instead of ASIN, URL")
        if not ASIN.fullmatch(columns[0]):
            raise InputError(f"{path}:{number}: {columns[0][:80]!r} is not an ASIN")
        urls[columns[0]] = columns[1]
    return urls


def image_places(name, subset):
    """Where an image may lie: (folder below the data path, file name) in order of preference.

    An image in two categories is one picture (one URL), so all are searched, `subset` first."""
    categories = sorted(CATEGORIES, key=lambda category: category != subset)
    own, *others = (
        [f"{root}{category}" for category in categories]
        for root in ("image_data/", "", "images/", "resized_image/")
    )
    folders = [*own, "images", *(folder for folders in others for folder in folders)]
    return [(folder, name) for folder in [*folders, "image_data", "resized_image"]]


def tuning_root(data_path):
    """Entries are divided by their images, lists and tags follow."""
    rows = [(c, *row) for c in CATEGORIES for row in read_fashion_iq(data_path, c, "train")]
    taken, counts = split_by_image([row[1:3] for row in rows])
    files = {}
    for category in CATEGORIES:
        path = Path(data_path, TAGS.format(category))
        if path.exists():
            tags = read_json(path, dict).items()
            tags = {name: own for name, own in tags if without_ending(name) not in taken}
            files[TAGS.format(category)] = tags
        names = read_split(data_path, category, "train")
        for split, wanted in (("train", False), ("val", True)):
            files[CAPTIONS.format(category, split)] = [
                {"candidate": reference, "target": target, "captions": captions}
                for own, reference, target, captions in rows
                if own == category and (reference in taken) == wanted
            ]
            files[SPLITS.format(category, split)] = [n for n in names if (n in taken) == wanted]
    return counts, {file: [json.dumps(value)] for file, value in files.items()}
