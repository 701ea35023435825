"""What is said of an export, for programs: the contents of export.json; the scores it has."""

import importlib.metadata
import json
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from command_line.errors import InputError
from datasets.released_files import read_lines
from datasets.vocabulary import WORD
from export.folder import VOCABULARY, digest
from export.model_files import OPSET

PACKAGES = ("tensorflow", "keras", "numpy", "tf2onnx", "onnx", "onnxruntime")
RESULTS = "results.jsonl"
TERMS = ("subset", "protocol", "reference", "data_path", "precision")
SCORE = ("queries", "all_queries", "gallery", "all_gallery", "missing_images", "ties",
         "R@1", "R@5", "R@10", "R@50", "interval_95", "time", "versions")  # fmt: skip


def describe(model, config, vocabulary_size, path, scores):
    """-> dict: how to use the exported model, and what it was made of.

    path: of the checkpoint; scores: as read_scores has them."""
    return {
        "signatures": {
            "query": "images [B, S, S, 3] float32, tokens [B, T] int32, lengths [B] int32 "
            "-> features [B, D] float32",
            "gallery": "images [B, S, S, 3] float32 -> features [B, D] float32",
        },
        "images": {
            "size": config.image_size,  # pixels, S
            "channels": "RGB",
            "decoding": "as people see them: rotated, on white, in sRGB; see pictures.py",
            "resize": "to S x S, bilinear without antialias",
            "half_pixel_centres": not config.as_published,
            "scaling": "value / 127.5 - 1",
        },
        "tokens": {
            "text": "NFKC, lower case; words are matches of this pattern, the first ones count",
            "pattern": WORD,
            "longest": config.max_caption_words,  # words, T
            "vocabulary": VOCABULARY,
            "words": vocabulary_size,
            "padding": 0,
            "unknown": 1,
            "no_words": "one unknown word",
        },
        "levels": dict(zip(config.levels.split(","), level_sizes(model), strict=True)),
        "distance": "squared L2; every level of a feature has unit norm",
        "composition": {
            "name": config.composition,
            "uses_image": model.composition.uses_image,
            "uses_text": model.composition.uses_text,
        },
        "checkpoint": {
            "path": path,
            "step": int(path.rsplit("-", 1)[1]),
            "sha256": {
                file.name: digest(file.read_bytes())
                for file in sorted(Path(path).parent.glob(f"{Path(path).name}.*"))
            },
        },
        "config": asdict(config),
        "scores": scores,
        "opset": OPSET,
        "versions": versions(),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def level_sizes(model):
    """Dimensions of the model's levels."""
    return [level.shape[-1] for level in model.image_encoder.outputs]


def versions():
    """The versions of those PACKAGES that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # the ONNX ones are optional
    return found


def read_scores(results_dir, path):
    """-> (scores of the checkpoint at path in results_dir, how many are left out, being older).

    A score: TERMS and SCORE of a line in results.jsonl; of several on the same terms the last."""
    results, scores, older = Path(results_dir, RESULTS), {}, 0
    made = Path(f"{path}.index").stat().st_mtime
    for number, line in enumerate(read_lines(results) if results.exists() else [], 1):
        try:
            entry = json.loads(line)
            if not same_file(entry["checkpoint"], path):
                continue
            if datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).timestamp() < made:
                older += 1
                continue
            scores[tuple(entry[name] for name in TERMS)] = {
                name: entry[name] for name in (*TERMS, *SCORE)
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{results}: line {number}: not an evaluation ({error!r})") from None
    return [scores[terms] for terms in sorted(scores, key=str)], older


def same_file(one, other):
    return one is not None and Path(one).resolve() == Path(other).resolve()
