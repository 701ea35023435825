"""Reads what extract_features_val.py wrote, and refuses, by file and row, what is not that.

<feature_dir>[/<subset>]/ holds query_images.npy [Q, D] with queries.jsonl, test_images.npy [N, D]
with test_images.txt (one line a row, in order), and features.json, which says what made them.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

import datasets
from command_line.errors import InputError
from datasets.released_files import check_name, read_json, read_lines, read_records
from nets.compositions import PAIRWISE_VECTORS

METADATA = "features.json"
OF_RUN = ("checkpoint", "step", "composition", "precision", "seed")  # what result files repeat


class QueryKey(NamedTuple):
    """Which query of the released data a row of features is."""

    protocol: str
    row: int  # in released order, from 0
    reference: str
    caption: str


def find_features(feature_dir, subset=""):
    """{folder: metadata} of all folders below feature_dir that hold features, sorted by subset;
    only that of `subset` if given."""
    root = Path(feature_dir)
    folders = [root] if (root / METADATA).is_file() else []
    if not folders and root.is_dir():
        folders = sorted(p for p in root.iterdir() if (p / METADATA).is_file())
    if not folders:
        raise InputError(
            f"--feature_dir={feature_dir}: no {METADATA} there; "
            "extract_features_val.py writes one beside the features"
        )
    pairs = [(folder, read_metadata(folder)) for folder in folders]
    found = {metadata["subset"]: (folder, metadata) for folder, metadata in pairs}
    if subset and subset not in found:
        known = ", ".join(found) if any(found) else "none, this data set has no subsets"
        raise InputError(f"--subset={subset}: not in {feature_dir} (there: {known})")
    return dict([found[subset]] if subset else found.values())


def read_metadata(folder):
    """features.json of one folder, checked for what its readers need."""
    path = Path(folder, METADATA)
    metadata = read_json(path, dict)
    for key in ("dataset", "subset", "data_path"):
        if not isinstance(metadata.get(key), str):
            raise InputError(f"{path}: needs {key}, a string")
    for key in (*OF_RUN, "missing_images", "versions"):
        if key not in metadata:
            raise InputError(f"{path}: needs {key}")
    dataset, subset = metadata["dataset"], metadata["subset"]
    if dataset not in datasets.READERS or subset not in datasets.subsets(dataset):
        raise InputError(f"{path}: no data set {dataset} with a subset {subset!r}")
    return metadata


def read_features(folder, metadata):
    """Everything in one folder -> queries float32 [Q, D], or [Q, 4 D] for the pairwise scorer,
    gallery float32 [N, D], [QueryKey] and names of the gallery, one a row.

    InputError names the file and row that is wrong."""
    read_keys = partial(read_records, parse=parse_key, what="a query")
    queries, keys = read_rows(folder / "query_images.npy", folder / "queries.jsonl", read_keys)
    gallery, names = read_rows(folder / "test_images.npy", folder / "test_images.txt", read_names)
    vectors = PAIRWISE_VECTORS if metadata.get("pairwise_scorer") else 1
    if queries.shape[1] != vectors * gallery.shape[1]:
        raise InputError(
            f"{folder / 'query_images.npy'}: {queries.shape[1]} dimensions, "
            f"but {folder / 'test_images.npy'} has {gallery.shape[1]}"
        )
    return queries, gallery, keys, names


def read_rows(path, listing, read):
    """The array at `path`, and what `read` finds in the listing, which has a line for each row."""
    array, lines = read_array(path), read(listing)
    if len(array) != len(lines):
        raise InputError(f"{path}: {len(array)} rows, but {listing} has {len(lines)} lines")
    return array, lines


def read_array(path):
    """A float32 [rows, D] .npy file without NaN, infinite or all-zero rows, mapped into memory."""
    try:
        with Path(path).open("rb") as file:
            if file.read(6) != b"\x93NUMPY":
                raise InputError(f"{path}: not a .npy file")
        array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError:
        raise InputError(f"{path}: not there; extract_features_val.py writes it") from None
    except (OSError, ValueError, EOFError, TypeError, SyntaxError, OverflowError) as error:
        raise InputError(f"{path}: cut short, pickled or not a .npy file ({error})") from None
    if array.dtype != np.float32:
        raise InputError(f"{path}: dtype {array.dtype}, expected float32")
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{path}: shape {array.shape}, expected (images, dimensions)")
    for start in range(0, len(array), 1024):
        rows = array[start : start + 1024]
        finite = np.isfinite(rows).all(axis=1)
        for bad, what in ((~finite, "NaN or infinite"), (~rows.any(axis=1), "all zeros")):
            if bad.any():
                raise InputError(f"{path}: row {start + bad.argmax()} (from 0) is {what}")
    return array


def parse_key(record):
    key = QueryKey(*(record[name] for name in QueryKey._fields))
    if type(key.row) is not int or not all(isinstance(text, str) for text in key._replace(row="")):
        raise TypeError("row must be a whole number; protocol, reference and caption strings")
    return key


def read_names(path):
    """test_images.txt -> names, one a row of test_images.npy; ties go by this order."""
    lines = read_lines(path)
    names = [check_name(line, f"{path}:{i}", folders=True) for i, line in enumerate(lines, 1)]
    for i in range(1, len(names)):
        if names[i - 1] >= names[i]:
            raise InputError(
                f"{path}: line {i + 1}: {names[i]} after {names[i - 1]}: "
                "names must be sorted and unique"
            )
    return names
