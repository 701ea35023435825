"""The data sets by name, one reader each. A data set is a row of config.DATASETS and the module of
that name here, and nobody else asks for its name. Formats, layouts: data/README.md.

`data_path` is the root of one data set, such as data/fashion_iq. Records come in released order.
InputError names file and entry of what is wrong. Every reader has

  TITLE, SOURCE, PREPARE      its name, where the data come from, the command that prepares them
  SUBSETS                     parts evaluated on their own, whose mean is the score; ("",): none
  PROTOCOLS                   of evaluation: `val` is the paper's
  ANNOTATIONS, IMAGE_FOLDERS  files of a root; patterns of its image folders, one has to be there
  RELEASED                    {what check_data counts: right numbers}; may be empty
  TRAINING_SCRIPT, DECODER    which script trains on it; who decodes its pictures (images.py)
  SIDE_TEXT_IMAGES            ends the error that images of side texts are missing: how to get them
  read_training(data_path)                      -> TrainingSet
  read_side_texts(data_path)                    -> list[LabelledImage], for L_vs (paper, 3.3)
  read_benchmark(data_path, subset, protocol)   -> Benchmark
  count_empty_captions(data_path, split)        blank captions of `train` or `val`: skipped
  image_places(name, subset)                    -> [(folder below the root, file name)], best first
  tuning_root(data_path)                        -> ({what: count}, {file: lines}), see tuning_split
  read_urls                                     as fashion_iq.py's, or None: no URLs of images
  read_values, read_table                       as products.py's, or None: no values of images
"""

import importlib
from pathlib import Path

from command_line.errors import InputError
from command_line.tensorflow_start import start_tensorflow
from config import DATASETS

start_tensorflow()

DRAWN = "demo_data.json"  # lies in a root of drawn data (demo.generate_demo_data)
READERS = {name: importlib.import_module(f"datasets.{name}") for name in DATASETS}


def subsets(dataset):
    return READERS[dataset].SUBSETS


def protocols(dataset):
    return READERS[dataset].PROTOCOLS


def read_benchmark(dataset, data_path, subset="", protocol="val"):
    """Queries and gallery of one subset under one protocol -> Benchmark."""
    for flag, value, known in (
        ("subset", subset, subsets(dataset)),
        ("protocol", protocol, protocols(dataset)),
    ):
        if value not in known:
            raise InputError(f"--{flag}={value}: {dataset} has {' '.join(known) or 'none'}", 2)
    return READERS[dataset].read_benchmark(data_path, subset, protocol)


def require_data(dataset, data_path, images=True):
    """Raises InputError (exit code 2) when annotations or, if `images`, all images are missing."""
    if dataset not in READERS:
        raise InputError(f"--dataset={dataset}: not one of {', '.join(READERS)}", 2)
    root, reader = Path(data_path), READERS[dataset]
    absent = [name for name in reader.ANNOTATIONS if not (root / name).exists()]
    if images and not any(next(root.glob(name), None) for name in reader.IMAGE_FOLDERS):
        absent.append(f"images ({', '.join(f'{name}/' for name in reader.IMAGE_FOLDERS)})")
    if absent:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise InputError(
            f"{data_path}: no {absent[0]}{more}; prepare it with: {reader.PREPARE} "
            f"({reader.TITLE}: {reader.SOURCE})",
            2,
        )
