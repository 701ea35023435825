"""Features of one subset on disk: <feature_dir>[/<subset>]/."""

import json
from importlib.metadata import version

import numpy as np

import datasets
from command_line.errors import InputError
from command_line.files import lock_folder, whole_file, write_json, write_lines
from datasets.find_images import require_images
from evaluation.encoder import encode_captions
from evaluation.features import METADATA


def wanted_subsets(flag, dataset):
    """The subset that --subset names, or all of the data set."""
    known = datasets.subsets(dataset)
    if flag and flag not in known:
        raise InputError(f"--subset={flag}: {dataset} has {known}", 2)
    return (flag,) if flag else known


def extract_subset(encoder, vocabulary, path, subset, folder, precision):
    """Extracts one subset, rows for all its protocols, and writes the folder.

    precision: of the encoder's layers, for the record; path: of the checkpoint."""
    config = encoder.config
    benchmarks = {
        protocol: datasets.read_benchmark(config.dataset, config.data_path, subset, protocol)
        for protocol in datasets.protocols(config.dataset)
    }
    wanted = {name for benchmark in benchmarks.values() for name in benchmark.gallery}
    paths = require_images(config, subset, wanted)  # a gallery holds all images of its queries
    gallery = sorted(paths)
    records = [
        {"protocol": protocol, "row": row, "reference": query.reference, "caption": query.caption}
        for protocol, benchmark in benchmarks.items()
        for row, query in enumerate(benchmark.queries)
        if query.reference in paths
    ]
    captions = encode_captions(config, vocabulary, [record["caption"] for record in records])
    references = [paths[record["reference"]] for record in records]
    images, what = [paths[name] for name in gallery], f"{subset} images".lstrip()
    metadata = {
        "dataset": config.dataset,
        "subset": subset,
        "data_path": config.data_path,
        "checkpoint": path,
        "step": int(path.rsplit("-", 1)[1]),
        "seed": config.seed,
        "composition": config.composition,
        "pairwise_scorer": encoder.model.pairwise_scorer,
        "precision": precision,
        "missing_images": len(wanted) - len(paths),
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy")},
    }
    with lock_folder(folder):  # refused before the work, if it is
        features = encoder.features(references, captions, images, what)
        (folder / METADATA).unlink(missing_ok=True)  # features without it are not complete
        for name, rows in zip(("query_images.npy", "test_images.npy"), features, strict=True):
            with whole_file(folder / name, "wb") as file:
                np.save(file, rows)
        lines = (json.dumps(record, ensure_ascii=False) for record in records)
        write_lines(folder / "queries.jsonl", lines)
        write_lines(folder / "test_images.txt", gallery)
        write_json(folder / METADATA, metadata)
