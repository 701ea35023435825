"""Draws the embedded demo data in the released formats of FashionIQ, Shoes and Fashion200k.

    python -m demo.generate_demo_data --data_path=data/demo [--dataset=all] [--seed=0]
        [--triplets=1800]

writes data/demo/fashion_iq, data/demo/shoes and data/demo/fashion200k, about 15,000 pictures of
96 x 96 pixels in under a minute on 2 cores, the same bytes each time. The demo data stand in for
the released ones: same file names, same formats, same readers. A folder drawn before with the same
settings is left as it is; a folder that is no demo data is never touched.
"""

import argparse
import json
import multiprocessing
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from command_line.errors import InputError, run_main
from command_line.flags import Flags
from demo.captions import shoe_caption, tags
from demo.garments import Garment, draw
from demo.triplets import CLOTHES_CHANGES, SHOE_CHANGES, SHOE_KINDS, Sizes, comparisons, products

VERSION = 1  # raise when pictures or words change: older folders are then drawn again
MARKER = "demo_data.json"
FULL_SIZE = 1800  # training triplets per FashionIQ category
IMAGE_SIZE = 96  # pixels
JPEG_QUALITY = 90
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


def fashion_iq(seed, triplets):
    """-> (pictures, {relative path: text}) of the three categories."""
    pictures, files = [], {}
    for stream, category in enumerate(("dress", "shirt", "toptee")):
        rng = np.random.default_rng([seed, 0, stream])
        sizes = Sizes(*(_scaled(n, triplets, 4) for n in (1500, 1800, 500, 200)))
        drawn = comparisons(rng, [category], sizes, CLOTHES_CHANGES)
        numbers = rng.permutation(len(drawn.garments))  # names tell nothing about the pictures
        names = [f"DEMO{category[0].upper()}{number:05d}" for number in numbers]
        pictures += [
            Picture(f"image_data/{category}/{name}.jpg", garment)
            for name, garment in zip(names, drawn.garments, strict=True)
        ]
        splits = {
            "train": (drawn.train, range(drawn.train_images)),
            "val": (drawn.val, range(drawn.train_images, len(names))),
        }
        for split, (pairs, images) in splits.items():
            files[f"captions/cap.{category}.{split}.json"] = _indented(
                [
                    {
                        "target": names[pair.target],
                        "candidate": names[pair.reference],
                        "captions": [caption.text for caption in pair.captions],
                    }
                    for pair in pairs
                ]
            )
            files[f"image_splits/split.{category}.{split}.json"] = _indented(
                [names[i] for i in images]
            )
            files[f"image_tag_dataset/tags/asin2attr.{category}.{split}.json"] = _indented(
                {names[i]: tags(drawn.garments[i]) for i in sorted(images, key=names.__getitem__)}
            )
        files[f"image_tag_dataset/image_url/asin2url.{category}.txt"] = _lines(
            f"{name} \t https://example.com/demo/{name}.jpg" for name in sorted(names)
        )
    return pictures, files


def _shoe_folder_name(rng, shoe):
    names = SHOE_NAMES[shoe.kind]
    if shoe.kind == "pump":
        return names[("flat", "medium", "high").index(shoe.heel)]
    return names[rng.integers(len(names))]


def shoes(seed, triplets):
    """-> (pictures, {relative path: text})."""
    rng = np.random.default_rng([seed, 1, 0])
    sizes = Sizes(*(_scaled(n, triplets, 4) for n in (1500, 2000, 400, 100)))
    drawn = comparisons(rng, SHOE_KINDS, sizes, SHOE_CHANGES, captions=1)
    unused = {x: iter(rng.permutation(1700)) for names in SHOE_NAMES.values() for x in names}
    pictures, names = [], []
    for shoe in drawn.garments:
        folder = _shoe_folder_name(rng, shoe)
        number = next(unused[folder])
        name = f"img_womens_{folder}_{number}.jpg"
        names.append(name)
        pictures.append(Picture(f"attributedata/womens_{folder}/{number // 1000}/{name}", shoe))
    relative = [
        {
            "ImageName": names[pair.target],
            "ReferenceImageName": names[pair.reference],
            "RelativeCaption": pair.captions[0].text,
        }
        for pair in drawn.train + drawn.val
    ]
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


def fashion200k(seed, triplets):
    """-> (pictures, {relative path: text})."""
    rng = np.random.default_rng([seed, 2, 0])
    train, test, queries = products(
        rng, *(_scaled(n, triplets, least) for n, least in ((4000, 100), (1000, 60), (500, 10)))
    )
    numbers = iter(50_000_000 + rng.permutation(2 * (len(train) + len(test))))
    pictures, paths, labels = [], {"train": [], "test": []}, {}
    for split, items in (("train", train), ("test", test)):
        for product in items:
            kind, number = product.garment.kind, next(numbers)
            folder = f"women/{FASHION200K_FOLDERS[kind]}/{number}"
            label_file = f"labels/{kind.removesuffix('tee')}_{split}_detect_all.txt"
            for shot in range(product.shots):
                path = f"{folder}/{number}_{shot}.jpeg"
                pictures.append(Picture(path, product.garment))
                paths[split].append(path)
                row = f"{path}\t{rng.uniform(0.5, 1):.6f}\t{product.caption}"
                labels.setdefault(label_file, []).append(row)
    for kind in FASHION200K_FOLDERS:
        for split in paths:
            labels.setdefault(f"labels/{kind.removesuffix('tee')}_{split}_detect_all.txt", [])
    files = {name: _lines(rows) for name, rows in labels.items()}
    files["test_queries.txt"] = _lines(
        f"{paths['test'][reference]} {paths['test'][target]}" for reference, target in queries
    )
    return pictures, files


DATASETS = {"fashion_iq": fashion_iq, "shoes": shoes, "fashion200k": fashion200k}


def _draw_picture(task):
    path, garment, key = task
    # A picture depends on its own number only, not on which process draws it.
    draw(garment, np.random.default_rng(key), IMAGE_SIZE).save(path, "JPEG", quality=JPEG_QUALITY)


def _draw_pictures(folder, pictures, seed, dataset):
    stream = list(DATASETS).index(dataset)
    for parent in {(folder / picture.path).parent for picture in pictures}:
        parent.mkdir(parents=True, exist_ok=True)
    tasks = [
        (str(folder / path), garment, (seed, 3 + stream, number))
        for number, (path, garment) in enumerate(pictures)
    ]
    # Fresh processes: a copy of one with threads (TensorFlow's, in a test run) may hang.
    fresh = multiprocessing.get_context("spawn")
    with fresh.Pool(min(os.cpu_count() or 1, len(tasks))) as pool:
        drawn = pool.imap_unordered(_draw_picture, tasks, chunksize=16)
        for _ in tqdm(drawn, total=len(tasks), desc=f"drawing {dataset}", unit="image"):
            pass


def _settings_of(folder):
    """What the marker of a demo data folder says, None where there is no folder (or an empty one).

    Raises InputError for a folder of anything else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    try:
        return json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(
            f"{folder} exists and is no demo data (no {MARKER}): it is left as it is; "
            "choose another --data_path"
        ) from None


def generate(data_path, dataset, seed=0, triplets=FULL_SIZE):
    """Draws one data set into data_path/dataset -> whether it was drawn (False: already there).

    Drawn beside its place and renamed at the end, so a killed run leaves no half data set.
    Raises InputError when that folder exists and is no demo data.
    """
    folder = Path(data_path) / dataset
    settings = {"dataset": dataset, "version": VERSION, "seed": seed, "triplets": triplets}
    if _settings_of(folder) == settings:
        return False
    unfinished = Path(data_path) / f".{dataset}.drawing"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    pictures, files = DATASETS[dataset](seed, triplets)
    for name, text in files.items():
        path = unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _draw_pictures(unfinished, pictures, seed, dataset)
    (unfinished / MARKER).write_text(json.dumps(settings) + "\n", encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(unfinished, folder)
    return True


def _number(low, high):
    def parse(text):
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number in {low} .. {high}")
        return int(text)

    return parse


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--data_path", default="data/demo", help="folder of the data sets' folders")
    parser.add_argument("--dataset", default="all", choices=["all", *DATASETS])
    parser.add_argument("--seed", type=_number(0, 2**32 - 1), default=0)
    parser.add_argument(
        "--triplets",
        type=_number(20, FULL_SIZE),
        default=FULL_SIZE,
        help="training triplets per FashionIQ category; everything else scales along (full: 1800)",
    )
    args = parser.parse_args(argv)
    chosen = list(DATASETS) if args.dataset == "all" else [args.dataset]
    for dataset in chosen:
        folder = Path(args.data_path) / dataset
        try:
            drawn = generate(args.data_path, dataset, args.seed, args.triplets)
        except OSError as error:
            raise InputError(f"--data_path: {folder}: {error}") from None
        print(
            f"{folder}: {'drawn' if drawn else 'already drawn with these settings, left as it is'}"
        )


if __name__ == "__main__":
    run_main(main)
