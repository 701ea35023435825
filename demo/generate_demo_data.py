"""Draws the embedded demo data in the released formats of FashionIQ, Shoes and Fashion200k.

    python -m demo.generate_demo_data --data_path=data/demo [--dataset=all] [--seed=0]
        [--triplets=1800]

writes data/demo/fashion_iq, data/demo/shoes and data/demo/fashion200k, about 15,000 pictures of
96 x 96 pixels in under a minute on 2 cores, the same bytes each time. --dataset=fashion_iq_tuning
(and so on) draws a validation part of garments that the data set shows nowhere, for choosing
settings. A folder drawn before with the same settings is left as it is; a folder that is no demo
data is never touched.
"""

import argparse
import json
import multiprocessing
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

import datasets
from command_line.errors import InputError, run_main
from command_line.files import lock_folder, whole_file
from command_line.flags import Flags
from demo.garments import draw
from demo.released_formats import FULL_SIZE, fashion200k, fashion_iq, shoes

VERSION = 1  # raise when pictures or words change: older folders are then drawn again
IMAGE_SIZE = 96  # pixels
JPEG_QUALITY = 90
RELEASED = {"fashion_iq": fashion_iq, "shoes": shoes, "fashion200k": fashion200k}
TUNING = {f"{name}_tuning": partial(make, tuning=True) for name, make in RELEASED.items()}
DATASETS = {**RELEASED, **TUNING}


def _draw_picture(task):
    path, garment, key = task
    # A picture depends on its own number only, not on which process draws it.
    with whole_file(path, "wb") as file:
        picture = draw(garment, np.random.default_rng(key), IMAGE_SIZE)
        picture.save(file, "JPEG", quality=JPEG_QUALITY)


def _draw_pictures(folder, pictures, seed, dataset):
    stream = list(DATASETS).index(dataset)
    for parent in {(folder / picture.path).parent for picture in pictures}:
        parent.mkdir(parents=True, exist_ok=True)
    tasks = [(str(folder / path), garment, (seed, 3 + stream, number))
             for number, (path, garment) in enumerate(pictures)]  # fmt: skip
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
        return json.loads((folder / datasets.DRAWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        message = f"{folder} exists and is no demo data (no {datasets.DRAWN}): it is left as it is"
        raise InputError(f"{message}; choose another --data_path") from None


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
    (unfinished / datasets.DRAWN).write_text(json.dumps(settings) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
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
    scale = "training triplets per FashionIQ category; everything else scales along (full: 1800)"
    number = _number(20, FULL_SIZE)
    parser.add_argument("--triplets", type=number, default=FULL_SIZE, help=scale)
    args = parser.parse_args(argv)
    for dataset in RELEASED if args.dataset == "all" else [args.dataset]:
        folder = Path(args.data_path) / dataset
        try:
            with lock_folder(args.data_path, name=f".{dataset}.lock"):
                drawn = generate(args.data_path, dataset, args.seed, args.triplets)
        except OSError as error:
            raise InputError(f"--data_path: {folder}: {error}") from None
        said = "drawn" if drawn else "already drawn with these settings, left as it is"
        print(f"{folder}: {said}")


if __name__ == "__main__":
    run_main(main)
