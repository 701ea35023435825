"""The demo's garments and triplets in the released formats of FashionIQ, Shoes and Fashion200k.

tuning=True: a validation part of garments that the data set itself shows nowhere, and no training.
"""

import json
from typing import NamedTuple

import numpy as np

from demo.captions import sentence, shoe_caption, tags
from demo.garments import ATTRIBUTES, Garment
from demo.triplets import (
    CLOTHES_CHANGES,
    SHOE_CHANGES,
    SHOE_KINDS,
    comparisons,
    products,
    unused_comparisons,
    unused_products,
)  # fmt: skip

FULL_SIZE = 1800  # training triplets per FashionIQ category
SHOE_NAMES = {  # the ten names of the released images, by what is drawn
    "sneaker": ("sneakers", "athletic_shoes"),
    "boot": ("boots", "rain_boots"),
    "pump": ("flats", "pumps", "stiletto"),  # by heel
    "sandal": ("wedding_shoes", "high_heels"),
    "clog": ("clogs",),
}
FASHION200K_FOLDERS = {
    "dress": "dresses/casual_and_day_dresses",
    "jacket": "jackets/casual_jackets",
    "pants": "pants/casual_pants",
    "skirt": "skirts/mid_length_skirts",
    "toptee": "tops/blouses",
}


class Picture(NamedTuple):
    """An image to draw; path is relative to the data set's folder."""

    path: str
    garment: Garment


def _scaled(number, triplets, least=1):
    return max(least, round(number * triplets / FULL_SIZE))


def _indented(value):
    return json.dumps(value, indent=4)


def _lines(rows):
    return "".join(f"{row}\n" for row in rows)


def fashion_iq(seed, triplets, tuning=False):
    """-> (pictures, {relative path: text}) of the three categories."""
    pictures, files = [], {}
    first = "TUNE" if tuning else "DEMO"
    for stream, category in enumerate(("dress", "shirt", "toptee")):
        rng = np.random.default_rng([seed, 0, stream])
        sizes = [_scaled(n, triplets, 4) for n in (1500, 1800, 500, 200)]
        drawn = comparisons(rng, [category], sizes, CLOTHES_CHANGES)
        if tuning:
            count = _scaled(300, triplets, 4)
            drawn = unused_comparisons(rng, drawn, [category], count, CLOTHES_CHANGES)
        numbers = rng.permutation(len(drawn.garments))  # names tell nothing about the pictures
        names = [f"{first}{category[0].upper()}{number:05d}" for number in numbers]
        pictures += [
            Picture(f"image_data/{category}/{name}.jpg", garment)
            for name, garment in zip(names, drawn.garments, strict=True)
        ]
        splits = {
            "train": (drawn.train, range(drawn.train_images)),
            "val": (drawn.val, range(drawn.train_images, len(names))),
        }
        for split, (pairs, images) in splits.items():
            rows = [
                {"target": names[target], "candidate": names[reference],
                 "captions": list(map(sentence, captions))}
                for reference, target, captions in pairs
            ]  # fmt: skip
            words = {names[i]: tags(drawn.garments[i]) for i in images}
            name = f"{category}.{split}.json"
            files[f"captions/cap.{name}"] = _indented(rows)
            files[f"image_splits/split.{name}"] = _indented(list(words))
            attributes = _indented(dict(sorted(words.items())))
            files[f"image_tag_dataset/tags/asin2attr.{name}"] = attributes
        files[f"image_tag_dataset/image_url/asin2url.{category}.txt"] = _lines(
            f"{name} \t https://example.com/demo/{name}.jpg" for name in sorted(names)
        )
    return pictures, files


def shoes(seed, triplets, tuning=False):
    """-> (pictures, {relative path: text})."""
    rng = np.random.default_rng([seed, 1, 0])
    sizes = [_scaled(n, triplets, 4) for n in (1500, 2000, 400, 100)]
    drawn = comparisons(rng, SHOE_KINDS, sizes, SHOE_CHANGES, captions=1)
    if tuning:
        count = _scaled(200, triplets, 4)
        drawn = unused_comparisons(rng, drawn, SHOE_KINDS, count, SHOE_CHANGES, captions=1)
    unused = {x: iter(rng.permutation(1700)) for names in SHOE_NAMES.values() for x in names}
    pictures, names = [], []
    for shoe in drawn.garments:
        folders = SHOE_NAMES[shoe.kind]
        if shoe.kind == "pump":
            folder = folders[ATTRIBUTES["heel"].index(shoe.heel)]
        else:
            folder = folders[rng.integers(len(folders))]
        number = next(unused[folder])
        name = f"img_womens_{folder}_{number}.jpg"
        names.append(name)
        pictures.append(Picture(f"attributedata/womens_{folder}/{number // 1000}/{name}", shoe))
    relative = [
        {"ImageName": names[target], "ReferenceImageName": names[reference],
         "RelativeCaption": sentence(caption)}
        for reference, target, (caption,) in drawn.train + drawn.val
    ]  # fmt: skip
    captions = [
        {"ImageName": names[i], "Caption": shoe_caption(drawn.garments[i])}
        for i in rng.permutation(len(names))
    ]
    files = {
        "relative_captions_shoes.json": json.dumps(relative),
        "captions_shoes.json": json.dumps(captions),
        "train_im_names.txt": _lines(names[: drawn.train_images]),
        "eval_im_names.txt": _lines(names[drawn.train_images :]),
    }
    return pictures, files


def fashion200k(seed, triplets, tuning=False):
    """-> (pictures, {relative path: text})."""
    rng = np.random.default_rng([seed, 2, 0])
    train, test, queries = products(
        rng, *(_scaled(n, triplets, least) for n, least in ((4000, 100), (1000, 60), (500, 10)))
    )
    if tuning:
        images, count = _scaled(400, triplets, 40), _scaled(250, triplets, 10)
        test, queries = unused_products(rng, train + test, images, count)
        train = []
    numbers = iter(50_000_000 + rng.permutation(2 * (len(train) + len(test))))
    pictures, paths = [], {"train": [], "test": []}
    labels = {(kind, split): [] for kind in FASHION200K_FOLDERS for split in paths}
    for split, items in (("train", train), ("test", test)):
        for product in items:
            kind, number = product.garment.kind, next(numbers)
            folder = f"women/{FASHION200K_FOLDERS[kind]}/{number}"
            for shot in range(product.shots):
                path = f"{folder}/{number}_{shot}.jpeg"
                pictures.append(Picture(path, product.garment))
                paths[split].append(path)
                row = f"{path}\t{rng.uniform(0.5, 1):.6f}\t{product.caption}"
                labels[kind, split].append(row)
    files = {
        f"labels/{kind.removesuffix('tee')}_{split}_detect_all.txt": _lines(rows)
        for (kind, split), rows in labels.items()
    }
    files["test_queries.txt"] = _lines(
        f"{paths['test'][reference]} {paths['test'][target]}" for reference, target in queries
    )
    return pictures, files
