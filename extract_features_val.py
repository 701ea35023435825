"""Features of a data set's validation queries and gallery (published extract_features_val.py).

    python extract_features_val.py --checkpoint_dir=save_model/fashion_iq [--subset=dress]

Everything that changes a number comes from the run's config.json. Writes, per subset,
<feature_dir>[/<subset>]/{query_images.npy, test_images.npy} (float32, rows of unit norm per
level), their names (queries.jsonl, test_images.txt) and, last, features.json.
"""

import argparse
import importlib.metadata
import json
import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import datasets
from batches import pad
from checkpoints import load_trained_model
from config import check_flag_form
from errors import InputError, run_main
from features import DESCRIPTION
from generate_groundtruth import build_groundtruth
from images import image_batches, iterate
from model import pool, side_by_side
from nets.folding import folded
from retrieval import rank_correct, recall_at_k

TEXTS = 256  # captions encoded at a time: a recurrent net reads all its weights at every word
PACKAGES = ("tensorflow", "keras", "numpy")


class Encoder:
    """Batched features of one model; the batch size changes nothing but speed and memory."""

    def __init__(self, model, config, batch_size, progress=True):
        self.model, self.config = model, config
        self.batch_size, self.progress = batch_size, progress
        self._image_encoder = folded(model.image_encoder)
        self._encode = tf.function(self._encoded, reduce_retracing=True)
        self._text = tf.function(model.encode_text, reduce_retracing=True)
        self._compose = tf.function(self._composed, reduce_retracing=True)

    def _encoded(self, images):
        """images [B, S, S, 3] -> their maps, their features [B, D]"""
        maps = self._image_encoder(images, training=False)
        return maps, side_by_side(pool(maps))

    def _composed(self, maps, rows, text):
        """Maps of images, the row of each query's reference, its text feature -> [Q, D]"""
        return side_by_side(self.model.compose([tf.gather(m, rows) for m in maps], text))

    def _batches(self, paths, what):
        """Yields (row of the first path, images [B, S, S, 3])."""
        batches = iterate(
            image_batches(paths, self.config.image_size, self.batch_size, self.config.as_published)
        )
        with tqdm(total=len(paths), unit="image", desc=what, disable=not self.progress) as bar:
            start = 0
            for images in batches:
                yield start, images
                start += len(images)
                bar.update(len(images))

    def _texts(self, captions):
        """Text features [Q, T] of word ids; captions of like length together, many at a time."""
        if self.config.composition == "image_only" or not captions:
            return np.empty((len(captions), 0), np.float32)
        order = np.argsort([len(caption) for caption in captions], kind="stable")
        texts = []
        for start in range(0, len(order), TEXTS):
            words = pad([captions[query] for query in order[start : start + TEXTS]])
            texts.append(self._text(*map(tf.constant, words)).numpy())
        return np.concatenate(texts)[np.argsort(order)]

    def features(self, references, captions, gallery, what="images"):
        """Reference image and word ids of each query, images of the gallery (paths) ->
        query features [Q, D], gallery features [N, D].

        An image is encoded once, however many captions it has and whether or not it is in the
        gallery too: for FashionIQ a third fewer images, half of the gallery being references."""
        row_of = {path: row for row, path in enumerate(dict.fromkeys([*references, *gallery]))}
        reference = np.array([row_of[path] for path in references], np.int64)
        order = np.argsort(reference, kind="stable")
        bounds = np.searchsorted(reference[order], np.arange(len(row_of) + 1))
        dims = sum(level.shape[-1] for level in self.model.image_encoder.outputs)
        single = np.empty((len(row_of), dims), np.float32)
        queries = np.empty((len(references), dims), np.float32)
        texts = self._texts(captions)
        for first, images in self._batches(list(row_of), what):
            last = first + len(images)
            maps, single[first:last] = self._encode(images)
            here = order[bounds[first] : bounds[last]]  # queries about these images
            for start in range(0, len(here), self.batch_size):
                part = here[start : start + self.batch_size]
                rows = reference[part] - first
                queries[part] = self._compose(maps, *map(tf.constant, (rows, texts[part])))
        return queries, single[[row_of[path] for path in gallery]]


class Validation:
    """Recall@K of a model in training on the validation queries (protocol val): its mean over the
    subsets, over the queries and gallery images whose files exist."""

    def __init__(self, config, vocabulary):
        self.config, self.encoder = config, None
        self.parts = []
        for subset in datasets.subsets(config.dataset):
            truth = build_groundtruth(config.dataset, config.data_path, subset)
            paths = require_images(config, subset, truth.query_references, truth.gallery)
            queries = [i for i, name in enumerate(truth.query_references) if name in paths]
            columns = [i for i, name in enumerate(truth.gallery) if name in paths]
            new_column = np.full(len(truth.gallery) + 1, -1)  # [-1] stays -1
            new_column[columns] = np.arange(len(columns))
            self.parts.append(
                (
                    [paths[truth.query_references[i]] for i in queries],
                    encode_captions(config, vocabulary, [truth.captions[i] for i in queries]),
                    [paths[truth.gallery[i]] for i in columns],
                    truth.correct[queries][:, columns],
                    new_column[truth.references[queries]],
                )
            )

    def __call__(self, model):
        if self.encoder is None:
            self.encoder = Encoder(model, self.config, batch_size=32, progress=False)
        recalls = []
        for references, captions, gallery_paths, correct, own in self.parts:
            queries, gallery = self.encoder.features(references, captions, gallery_paths)
            ranks = rank_correct(queries, gallery, correct, own).ranks
            recalls.append([recall_at_k(ranks, k) for k in (1, 10, 50)])
        return dict(zip(("R@1", "R@10", "R@50"), np.mean(recalls, axis=0).tolist(), strict=True))


def encode_captions(config, vocabulary, captions):
    return [vocabulary.encode(caption, config.max_caption_words) for caption in captions]


def require_images(config, subset, *names):
    """Files of the named images. Raises InputError when some are missing, unless the run allows
    it; then says how many."""
    wanted = {name for group in names for name in group}
    paths = datasets.image_paths(config.dataset, config.data_path, sorted(wanted), subset)
    missing = sorted(wanted - set(paths))
    if missing:
        what = (
            f"{config.data_path}: {len(missing)} of {len(wanted)} {subset} images are missing "
            f"(first: {missing[0]})".replace("  ", " ")
        )
        if not config.allow_missing:
            raise InputError(f"{what}; train with --allow_missing=True to do without them")
        print(what)
    return paths


def extract_subset(encoder, vocabulary, path, subset, folder):
    """Extracts one subset, rows for all its protocols, and writes the folder."""
    config = encoder.config
    records, gallery = [], set()
    for protocol in datasets.protocols(config.dataset):
        queries, images = datasets.read_benchmark(
            config.dataset, config.data_path, subset, protocol
        )
        gallery.update(images)
        records += [
            {"protocol": protocol, "reference": query.reference, "caption": query.caption}
            for query in queries
        ]
    references = [record["reference"] for record in records]
    paths = require_images(config, subset, references, gallery)
    missing = len(gallery.union(references)) - len(paths)
    records = [record for record in records if record["reference"] in paths]
    gallery = sorted(gallery.intersection(paths))
    captions = encode_captions(config, vocabulary, [record["caption"] for record in records])
    query_features, gallery_features = encoder.features(
        [paths[record["reference"]] for record in records],
        captions,
        [paths[name] for name in gallery],
        f"{subset} images".lstrip(),
    )

    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)  # features without it are not complete
    np.save(folder / "query_images.npy", query_features)
    np.save(folder / "test_images.npy", gallery_features)
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / "queries.jsonl").write_text(lines, encoding="utf-8")
    (folder / "test_images.txt").write_text("".join(f"{n}\n" for n in gallery), encoding="utf-8")
    about = {
        "dataset": config.dataset,
        "subset": subset,
        "data_path": config.data_path,
        "checkpoint": path,
        "step": int(path.rsplit("-", 1)[1]),
        "seed": config.seed,
        "composition": config.composition,
        "missing_images": missing,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    temporary = folder / f"{DESCRIPTION}.tmp"
    temporary.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, folder / DESCRIPTION)


def main(argv):
    check_flag_form(argv)
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--checkpoint_dir", required=True, help="a trained run")
    parser.add_argument("--exact_model_checkpoint", default="", help="default: the newest")
    parser.add_argument("--subset", default="", help="FashionIQ category; default: all")
    parser.add_argument("--feature_dir", default="", help="default: <checkpoint_dir>/features")
    parser.add_argument("--batch_size", type=int, default=32, help="images at a time, default 32")
    flags = parser.parse_args(argv)
    if flags.batch_size < 1:
        raise InputError(f"--batch_size={flags.batch_size}: must be at least 1", 2)
    model, config, vocabulary, path = load_trained_model(
        flags.checkpoint_dir, flags.exact_model_checkpoint
    )
    known = datasets.subsets(config.dataset)
    if flags.subset and flags.subset not in known:
        raise InputError(f"--subset={flags.subset}: {config.dataset} has {known}", 2)
    datasets.require_data(config.dataset, config.data_path)
    feature_dir = Path(flags.feature_dir or Path(flags.checkpoint_dir, "features"))
    encoder = Encoder(model, config, flags.batch_size)
    for subset in [flags.subset] if flags.subset else known:
        extract_subset(encoder, vocabulary, path, subset, feature_dir / subset)
    print(f"features of {path}: {feature_dir}")


if __name__ == "__main__":
    run_main(main)
