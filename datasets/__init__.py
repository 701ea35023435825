"""The released data sets by name: one reader each (fashion_iq, shoes, fashion200k), same functions.

Formats, sources, folder layouts: data/README.md. `data_path` is the root of one data set, such as
data/fashion_iq. Records come in released order. InputError names file and entry of what is wrong.
"""

from pathlib import Path

from command_line.errors import InputError
from command_line.tensorflow_start import start_tensorflow
from datasets import fashion200k, fashion_iq, shoes

start_tensorflow()

DRAWN = "demo_data.json"  # lies in a root of drawn data (demo.generate_demo_data)
READERS = {"fashion_iq": fashion_iq, "shoes": shoes, "fashion200k": fashion200k}


def subsets(dataset):
    """The parts evaluated on their own: FashionIQ's categories, else one nameless part."""
    return READERS[dataset].SUBSETS


def protocols(dataset):
    """Evaluation protocols: `val` is the paper's, `original` FashionIQ's own."""
    return READERS[dataset].PROTOCOLS


def read_train_triplets(dataset, data_path):
    """Training triplets of FashionIQ or Shoes, one per non-blank caption (count_empty_captions).

    Fashion200k's are drawn: fashion200k_pairs.sample_triplets."""
    return READERS[dataset].read_train_triplets(data_path)


def read_benchmark(dataset, data_path, subset="", protocol="val"):
    """Queries and gallery of one subset under one protocol -> Benchmark."""
    for flag, value, known in (
        ("subset", subset, subsets(dataset)),
        ("protocol", protocol, protocols(dataset)),
    ):
        if value not in known:
            raise InputError(f"--{flag}={value}: {dataset} has {' '.join(known) or 'none'}", 2)
    return READERS[dataset].read_benchmark(data_path, subset, protocol)


def count_empty_captions(dataset, data_path, split):
    """Blank captions of `train` or `val`: no triplet, no query."""
    return READERS[dataset].count_empty_captions(data_path, split)


def require_data(dataset, data_path, images=True):
    """Raises InputError (exit code 2) when annotations or, if `images`, all images are missing."""
    if dataset not in READERS:
        raise InputError(f"--dataset={dataset}: not one of {', '.join(READERS)}", 2)
    root, reader = Path(data_path), READERS[dataset]
    absent = [name for name in reader.ANNOTATIONS if not (root / name).exists()]
    if images and not any(next(root.glob(name), None) for name in reader.IMAGE_FOLDERS):
        absent.append(f"images ({reader.IMAGE_FOLDERS[0]}/)")
    if absent:
        more = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        raise InputError(
            f"{data_path}: no {absent[0]}{more}. {dataset} comes from {reader.SOURCE}; "
            f"prepare it with: bash scripts/prepare_data.sh {dataset}",
            2,
        )
