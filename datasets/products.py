"""A shop's own products: triplets are drawn of two products of which one attribute differs, both
having a value there; those people wrote are trained on beside them.

products.jsonl and products.json are written by prepare_products.py; `images` leads to the folder.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from command_line.errors import InputError
from datasets.pair_index import PairIndex
from datasets.records import Benchmark, LabelledImage, Query, TrainingSet, Triplet
from datasets.released_files import check_name, read_json, read_lines

TITLE = "Products"
SOURCE = "a table and a folder of photographs"
PREPARE = "python -m datasets.prepare_products --help"
TRAINING_SCRIPT = "train_val.py"
SIDE_TEXT_IMAGES = ""
SUBSETS = ("",)
PROTOCOLS = ("val",)
DECODER = "pillow"  # as people see them; of datasets/images.py's READ_PIXELS
ANNOTATIONS = ["products.jsonl", "products.json"]
IMAGE_FOLDERS = ("images",)
RELEASED = {}
read_urls = None  # its images have none
PARTS = TRAINING, TUNING, VALIDATION = ("training", "tuning", "validation")
SEED = 0  # of the validation queries
MOST_QUERIES = 5_000
PHRASES = (
    "replace {old} with {new}", "{new} instead of {old}", "is {new}", "make it {new}",
    "not {old} but {new}", "the same, but {new}", "in {new}", "{new}",
)  # fmt: skip
BRACES = re.compile(r"\{(.*?)\}")  # what is filled in, in a phrase


class Product(NamedTuple):
    """A line of products.jsonl."""

    image: str  # path below the folder of images
    values: tuple  # of the attributes; None for none
    part: str
    triplets: tuple = ()  # given ones of which it is the reference: [target, caption]


def read_training(data_path):
    """Both parts trained on. Equal values, equal label; a product without any is like no other."""
    products, about = read_products(data_path, TRAINING, TUNING)
    numbers, values = {}, {product.image: product.values for product in products}
    label = {p.image: numbers.setdefault(_same(p), len(numbers)) for p in products}
    texts = {p.image: " ".join(filter(None, p.values)) for p in products}
    labelled = [LabelledImage(n, text, label=label[n]) for n, text in texts.items() if text]

    def labels(triplets):
        return [
            triplet._replace(label=label[triplet.target], reference_label=label[triplet.reference])
            for triplet in triplets
        ]

    def sampler(found):
        index = PairIndex([(image.name, values[image.name]) for image in found], one_value_less)
        return lambda seed, epoch: labels(sample(index, about["phrases"], seed, epoch))

    phrases = [sentence(phrase, "", "") for phrase in about["phrases"]]
    digest = about.get("digest", "")
    return TrainingSet(labels(_given(products)), labelled, sampler, phrases, digest)


def read_side_texts(data_path):
    """The values of the products that are trained on."""
    return read_training(data_path).labelled


def read_benchmark(data_path, subset, protocol):
    """One query for each validation product that has a partner, the same every time; without
    attributes the given ones. Correct is what has the target's values -> Benchmark."""
    products, about = read_products(data_path, VALIDATION)
    asked = _given(products)
    if about["attributes"]:
        asked = sample(PairIndex(products, one_value_less), about["phrases"], SEED, 0)
    if not asked:
        raise InputError(f"{data_path}: no query in the validation part; more products needed")
    same, key = {}, {product.image: _same(product) for product in products}
    for image in sorted(key):
        same.setdefault(key[image], []).append(image)
    queries = [Query(t.reference, t.caption, tuple(same[key[t.target]])) for t in asked]
    return Benchmark(queries[:MOST_QUERIES], sorted(key))


def sample(index, phrases, seed, epoch):
    """One epoch, shuffled, the same for the same (seed, epoch) -> list[Triplet].

    index: PairIndex(..., one_value_less). Each product that has partners is the reference once."""
    random = np.random.default_rng([seed, epoch])
    rows = index.draw(random)
    chosen = random.integers(len(phrases), size=len(index.modifiable))
    names, words = index.names, index.words
    return [
        Triplet(names[i], names[j], sentence(phrases[k], words[a][1], words[b][1]))
        for i, j, a, b, k in zip(*rows, chosen, strict=True)
    ]


def sentence(phrase, old, new):
    """The phrase filled in; sentence(phrase, "", "") is what it adds to a vocabulary."""
    return BRACES.sub(lambda field: new if field[1] == "new" else old, phrase)


def one_value_less(values):
    """Every (stem, (column, value)) of a tuple of values; None has no partner."""
    return [
        ((*values[:column], ..., *values[column + 1 :]), (column, value))
        for column, value in enumerate(values)
        if value is not None
    ]


def count_empty_captions(data_path, split):
    """None: prepare_products refuses them."""
    return 0


def image_places(name, subset):
    """Where an image lies: (folder below the data path, file name)."""
    folder, _, file = f"images/{check_name(name, 'image', folders=True)}".rpartition("/")
    return [(folder, file)]


def tuning_root(data_path):
    """The tuning part is the validation of what the training part trains."""
    products, about = read_products(data_path, TRAINING, TUNING)
    part_of = {TRAINING: TRAINING, TUNING: VALIDATION}
    products = [product._replace(part=part_of[product.part]) for product in products]
    tuning = sum(product.part == VALIDATION for product in products)
    counts = {"products for tuning": tuning, "for training": len(products) - tuning}
    return counts, files_of(products, about)


def read_values(data_path, names):
    """-> (attributes, their values of the named images as numbers [N, attributes], -1: none)."""
    products, about = read_products(data_path)
    values, codes = {product.image: product.values for product in products}, {None: -1}
    if unknown := set(names) - set(values):
        raise InputError(f"{data_path}: no product {min(unknown)}; generate the ground truth again")
    rows = [[codes.setdefault(v, len(codes) - 1) for v in values[name]] for name in names]
    return about["attributes"], np.array(rows, np.int64).reshape(len(names), -1)


def read_table(data_path):
    """-> (attributes, phrases, {image: its values})."""
    products, about = read_products(data_path)
    return about["attributes"], about["phrases"], {p.image: p.values for p in products}


def read_products(data_path, *parts):
    """-> (list[Product] of these parts, by default all; products.json)."""
    path, about_path = (Path(data_path, name) for name in ANNOTATIONS)
    about, lines = read_json(about_path, dict), read_lines(path)
    if about.get("digest") != _digest(lines, about):
        raise InputError(f"{path}: not what prepare_products wrote; delete it and prepare again")
    products = [Product(**json.loads(line)) for line in lines]
    wanted = [product for product in products if product.part in (parts or PARTS)]
    return [product._replace(values=tuple(product.values)) for product in wanted], about


def files_of(products, about):
    """{file: its lines}; the last, which knows the digest, makes them whole."""
    lines = [json.dumps(product._asdict(), ensure_ascii=False) for product in products]
    about = json.dumps({**about, "digest": _digest(lines, about)}, indent=2)
    return dict(zip(ANNOTATIONS, (lines, [about]), strict=True))


def _digest(lines, about):
    """Of all that training and validation depend on, but the pictures."""
    content = "\n".join([json.dumps([about.get("attributes"), about.get("phrases")]), *lines])
    return hashlib.sha256(content.encode()).hexdigest()


def _given(products):
    return [Triplet(p.image, target, text) for p in products for target, text in p.triplets]


def _same(product):
    return product.values if any(product.values) else product.image
