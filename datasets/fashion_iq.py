"""FashionIQ: three categories, each triplet with two relative captions."""

from pathlib import Path

from command_line.errors import InputError
from datasets.records import Benchmark, Query, Triplet
from datasets.released_files import check_caption, check_name, field, read_entries, read_json

TITLE = "FashionIQ"
SOURCE = "https://github.com/XiaoxiaoGuo/fashion-iq"
SUBSETS = CATEGORIES = ("dress", "shirt", "toptee")
PROTOCOLS = ("val", "original")  # the VAL paper's; FashionIQ's own
DECODER = "tensorflow"  # as published; of datasets/images.py's READ_PIXELS
ANNOTATIONS = [
    file
    for split in ("train", "val")
    for name in CATEGORIES
    for file in (f"captions/cap.{name}.{split}.json", f"image_splits/split.{name}.{split}.json")
]
IMAGE_FOLDERS = ("image_data", "images", *CATEGORIES)
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
RELEASED = {  # counted in the released files
    "train dress captions": (11_970,),
    "train shirt captions": (11_976,),
    "train toptee captions": (12_042,),
    "val dress queries": (4_034,),
    "val shirt queries": (4_075,),
    "val toptee queries": (3_920,),
    "val dress gallery": (2_628,),
    "val shirt gallery": (3_089,),
    "val toptee gallery": (2_902,),
    "original dress queries": (2_017,),
    "original shirt queries": (2_038,),
    "original toptee queries": (1_961,),
    "original dress gallery": (3_817,),
    "original shirt gallery": (6_346,),
    "original toptee gallery": (5_373,),
}


def read_train_triplets(data_path):
    """One triplet per non-blank caption -> list[Triplet]."""
    return [
        Triplet(reference, target, caption, category)
        for category in CATEGORIES
        for reference, target, captions in read_fashion_iq(data_path, category, "train")
        for caption in captions
        if caption
    ]


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
        # An entry without captions counts as one with a blank one.
        rows.append((*names, [check_caption(caption, place) for caption in captions or [""]]))
    return rows


def image_places(name, subset):
    """Where an image may lie: (folder below the data path, file names) in order of preference.

    An image in two categories is one picture (one URL), so all are searched, `subset` first."""
    files = [name + suffix for suffix in IMAGE_SUFFIXES]
    categories = sorted(CATEGORIES, key=lambda category: category != subset)
    folders = [f"image_data/{category}" for category in categories] + ["images", *categories]
    return [(folder, files) for folder in folders]
