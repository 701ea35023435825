"""Features of one subset on disk: <feature_dir>[/<subset>]/."""

import importlib.metadata
import json

import numpy as np

import datasets
from command_line.files import write_json, write_lines
from datasets.find_images import require_images
from evaluation.encoder import encode_captions
from evaluation.features import DESCRIPTION
from evaluation.groundtruth import build_groundtruth, keep

PACKAGES = ("tensorflow", "keras", "numpy")


def extract_subset(encoder, vocabulary, path, subset, folder, precision):
    """Extracts one subset, rows for all its protocols, and writes the folder.

    precision: of the encoder's layers, for the record; path: of the checkpoint."""
    config = encoder.config
    truths = {
        protocol: build_groundtruth(config.dataset, config.data_path, subset, protocol)
        for protocol in datasets.protocols(config.dataset)
    }
    wanted = {n for truth in truths.values() for n in (*truth.query_references, *truth.gallery)}
    paths = require_images(config, subset, wanted)
    missing = len(wanted) - len(paths)
    records, gallery = [], set()
    for protocol, truth in truths.items():
        kept = keep(truth, [name in paths for name in truth.query_references], paths)
        gallery.update(kept.truth.gallery)
        asked = zip(
            kept.queries.tolist(), kept.truth.query_references, kept.truth.captions, strict=True
        )
        records += [
            {"protocol": protocol, "row": row, "reference": reference, "caption": caption}
            for row, reference, caption in asked
        ]
    gallery = sorted(gallery)
    captions = encode_captions(config, vocabulary, [record["caption"] for record in records])
    folder.mkdir(parents=True, exist_ok=True)  # refused before the work, if it is
    query_features, gallery_features = encoder.features(
        [paths[record["reference"]] for record in records],
        captions,
        [paths[name] for name in gallery],
        f"{subset} images".lstrip(),
    )

    (folder / DESCRIPTION).unlink(missing_ok=True)  # features without it are not complete
    np.save(folder / "query_images.npy", query_features)
    np.save(folder / "test_images.npy", gallery_features)
    lines = (json.dumps(record, ensure_ascii=False) for record in records)
    write_lines(folder / "queries.jsonl", lines)
    write_lines(folder / "test_images.txt", gallery)
    about = {
        "dataset": config.dataset,
        "subset": subset,
        "data_path": config.data_path,
        "checkpoint": path,
        "step": int(path.rsplit("-", 1)[1]),
        "seed": config.seed,
        "composition": config.composition,
        "pairwise_scorer": encoder.model.pairwise_scorer,
        "precision": precision,
        "missing_images": missing,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    write_json(folder / DESCRIPTION, about)
