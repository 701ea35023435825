"""A shop's own products: triplets are drawn of products that differ in one attribute
(product_pairs.py); those people wrote are trained on beside them.

products.jsonl and products.json are written by prepare_products.py; `images` leads to the folder.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from command_line.errors import InputError
from command_line.files import write_json, write_lines
from datasets.pair_index import PairIndex
from datasets.product_pairs import one_value_less, sample_products, sentence
from datasets.records import Benchmark, Query, SideText, TrainingSet, Triplet
from datasets.released_files import check_name, read_json, read_lines

TITLE = "Products"
SOURCE = "a table and a folder of photographs: python -m datasets.prepare_products"
SUBSETS = ("",)
PROTOCOLS = ("val",)
ANNOTATIONS = ["products.jsonl", "products.json"]
IMAGE_FOLDERS = ("images",)
RELEASED = {}
PARTS = TRAINING, TUNING, VALIDATION = ("training", "tuning", "validation")
SEED = 0  # of the validation queries
MOST_QUERIES = 5_000


class Product(NamedTuple):
    """A line of products.jsonl."""

    image: str  # path below the folder of images
    values: tuple  # of the attributes; None for none
    part: str
    triplets: tuple = ()  # given ones of which it is the reference: [target, caption]


def read_training(data_path):
    """Both parts that are trained on -> TrainingSet; label: the number of the target's values."""
    return training_of(*read_products(data_path))


def read_benchmark(data_path, subset, protocol):
    """One query for each validation product that has a partner, the same every time; without
    attributes the given ones. Correct is what has the target's values -> Benchmark."""
    return benchmark_of(*read_products(data_path))


def training_of(products, about):
    products = [product for product in products if product.part != VALIDATION]
    numbers = {}
    label = {p.image: numbers.setdefault(_same(p), len(numbers)) for p in products}
    given = _given(products)

    @lru_cache(1)
    def index(there):
        return index_of(product for product in products if product.image in there)

    def triplets(seed, epoch, there):
        there = frozenset(there)
        drawn = sample_products(index(there), about["phrases"], seed, epoch)
        own = [t for t in given if there.issuperset(t[:2])]
        return [triplet._replace(label=label[triplet.target]) for triplet in drawn + own]

    phrases = [sentence(phrase, "", "") for phrase in about["phrases"]]
    texts = [*phrases, *(text.text for text in _texts(products)), *(t.caption for t in given)]
    return TrainingSet([product.image for product in products], texts, triplets)


def benchmark_of(products, about):
    products = [product for product in products if product.part == VALIDATION]
    asked = _given(products)
    if about["attributes"]:
        asked = sample_products(index_of(products), about["phrases"], SEED, 0)[:MOST_QUERIES]
    same, key = {}, {product.image: _same(product) for product in products}
    for image in sorted(key):
        same.setdefault(key[image], []).append(image)
    queries = [Query(t.reference, t.caption, tuple(same[key[t.target]])) for t in asked]
    return Benchmark(queries, sorted(key))


def index_of(products):
    return PairIndex([(product.image, product.values) for product in products], one_value_less)


def read_side_texts(data_path):
    """The values of the products that are trained on -> list[SideText]."""
    return _texts(p for p in read_products(data_path)[0] if p.part != VALIDATION)


def read_codes(data_path, names):
    """Attributes, and their values as numbers, -1 for none: [N, attributes] of the named images."""
    products, about = read_products(data_path)
    values, codes = {product.image: product.values for product in products}, {None: -1}
    rows = [[codes.setdefault(v, len(codes) - 1) for v in values[name]] for name in names]
    return about["attributes"], np.array(rows, np.int64).reshape(len(names), -1)


def count_empty_captions(data_path, split):
    """None: prepare_products refuses them."""
    return 0


def image_places(name, subset):
    """Where an image lies: (folder below the data path, file names)."""
    folder, _, file = f"images/{check_name(name, 'image', folders=True)}".rpartition("/")
    return [(folder, [file])]


def write_tuning(data_path, folder):
    """The tuning part as validation of what the training part trains -> counts."""
    products, about = read_products(data_path)
    part_of = {TRAINING: TRAINING, TUNING: VALIDATION}
    products = [p._replace(part=part_of[p.part]) for p in products if p.part in part_of]
    write_products(folder, products, about)
    tuning = sum(product.part == VALIDATION for product in products)
    return {"products for tuning": tuning, "for training": len(products) - tuning}


def read_products(data_path):
    """-> (list[Product], products.json)."""
    about, path = read_json(Path(data_path, ANNOTATIONS[1]), dict), Path(data_path, ANNOTATIONS[0])
    lines = read_lines(path)
    if about["digest"] != _digest(lines, about):
        raise InputError(f"{path}: not what prepare_products wrote; delete it and prepare again")
    products = [Product(**json.loads(line)) for line in lines]
    return [product._replace(values=tuple(product.values)) for product in products], about


def write_products(folder, products, about):
    """products.jsonl, and products.json, which knows its digest."""
    lines = [json.dumps(product._asdict(), ensure_ascii=False) for product in products]
    path, about_path = (Path(folder, name) for name in ANNOTATIONS)
    about_path.unlink(missing_ok=True)  # whoever is stopped now prepares again
    write_lines(path, lines)
    write_json(about_path, {**about, "digest": _digest(lines, about)})


def _digest(lines, about):
    """Of all that training and validation depend on, but the pictures."""
    content = "\n".join([json.dumps([about["attributes"], about["phrases"]]), *lines])
    return hashlib.sha256(content.encode()).hexdigest()


def _given(products):
    return [Triplet(p.image, target, text) for p in products for target, text in p.triplets]


def _same(product):
    """What products of equal values share; one without any value is like no other."""
    return product.values if any(product.values) else product.image


def _texts(products):
    texts = [SideText(p.image, " ".join(filter(None, p.values))) for p in products]
    return [text for text in texts if text.text]
