"""Scores extracted features: Recall@K as in the VAL paper, section 4, and in published test_val.py.

  python test_val.py --feature_dir=save_model/fashion_iq/features [--protocol=val|original|both]

Reads the features and the ground truth beside the data; appends to results/results_<dataset>.log
and results/results.jsonl, and prints the same. Without --subset, all subsets found are scored.
"""

import argparse
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

import datasets
from errors import InputError, run_main
from features import find_features, read_about, read_features
from generate_groundtruth import GroundTruth, groundtruth_path, load_groundtruth
from retrieval import NEVER, chance_recall, rank_correct, recall_at_k

RECALLS = (1, 5, 10, 50)
PUBLISHED_RECALLS = (1, 10, 50)
TIED_SHARE = 0.1  # of the queries; more than this is no accident
SPREAD = 1e-3  # of the gallery features, relative to their length; a trained network has > 0.1


class Benchmark(NamedTuple):
    """One subset under one protocol: the queries that can be asked and the images there are."""

    queries: np.ndarray  # float32 [Q, D]
    gallery: np.ndarray  # float32 [N, D]
    truth: GroundTruth  # Q x N, rows and columns in the order of the features
    all_queries: int  # of the ground truth
    all_gallery: int
    missing_images: int  # reference or gallery images without features


def select(features, truth, protocol):
    """Features in the ground truth's order, without what has no features -> Benchmark."""
    keys = [(i, key[1:]) for i, key in enumerate(features.query_keys) if key[0] == protocol]
    row_of = dict(zip(_numbered(key for _, key in keys), (i for i, _ in keys), strict=True))
    if not row_of:
        raise InputError(f"--protocol={protocol}: no such queries among the features; extract them")
    asked = _numbered(zip(truth.query_references, truth.captions, strict=True))
    column_of = {name: i for i, name in enumerate(features.gallery_names)}
    columns = np.array([i for i, name in enumerate(truth.gallery) if name in column_of], np.int64)
    new_column = np.full(len(truth.gallery) + 1, -1)  # its last entry serves reference -1
    new_column[columns] = np.arange(len(columns))
    correct = truth.correct[:, columns]
    has_target = np.diff(correct.indptr) > 0
    rows = np.array([i for i, key in enumerate(asked) if key in row_of and has_target[i]], np.int64)
    missing = {asked[i][0] for i in range(len(asked)) if asked[i] not in row_of}
    missing.update(name for name in truth.gallery if name not in column_of)
    if not len(rows):
        raise InputError("no query of the ground truth has both features and a correct image")
    kept = GroundTruth(
        correct[rows],
        new_column[truth.references[rows]],
        [truth.query_references[i] for i in rows],
        [truth.captions[i] for i in rows],
        [truth.gallery[i] for i in columns],
    )
    return Benchmark(
        _take(features.queries, [row_of[asked[i]] for i in rows]),
        _take(features.gallery, [column_of[name] for name in kept.gallery]),
        kept,
        len(asked),
        len(truth.gallery),
        len(missing),
    )


def _numbered(keys):
    """(reference, caption, n): the n-th query with these words; some triplets repeat a caption."""
    seen = Counter()
    result = []
    for key in keys:
        seen[key] += 1
        result.append((*key, seen[key]))
    return result


def _take(array, rows):
    """array[rows], without a copy when that is all of it."""
    return array if np.array_equal(rows, np.arange(len(array))) else array[rows]


def load_benchmark(folder, protocol, data_path=""):
    """Features of one folder with their ground truth -> (Features, Benchmark)."""
    features = read_features(folder)
    data_path = data_path or features.about["data_path"]
    path = groundtruth_path(data_path, features.about["subset"], protocol)
    if not path.is_file():
        dataset = features.about["dataset"]
        raise InputError(
            f"{path}: no ground truth; write it with "
            f"python generate_groundtruth.py --dataset={dataset} --data_path={data_path}"
        )
    benchmark = select(features, load_groundtruth(path), protocol)
    complete = (benchmark.all_queries, benchmark.all_gallery) == benchmark.truth.correct.shape
    if not complete and not features.about.get("missing_images"):
        raise InputError(
            f"{folder}: features for {len(benchmark.queries)} of {benchmark.all_queries} queries "
            f"and {len(benchmark.gallery)} of {benchmark.all_gallery} images of {path}, although "
            "no image was missing at extraction: made from other data; make both again"
        )
    return features, benchmark


def evaluate(benchmark, keep_reference=False):
    """Ranks of one benchmark -> (Ranking, numbers for the log)."""
    truth = benchmark.truth
    references = np.full_like(truth.references, -1) if keep_reference else truth.references
    ranking = rank_correct(benchmark.queries, benchmark.gallery, truth.correct, references)
    found = ranking.ranks[ranking.ranks != NEVER]
    median = float(np.median(ranking.ranks))
    numbers = {
        "queries": len(benchmark.queries),
        "all_queries": benchmark.all_queries,
        "gallery": len(benchmark.gallery),
        "all_gallery": benchmark.all_gallery,
        "missing_images": benchmark.missing_images,
        "queries_left_out": benchmark.all_queries - len(benchmark.queries),
        "reference": "kept" if keep_reference else "removed",
        "ties": int(ranking.tied.sum()),
        **{f"R@{k}": round(recall_at_k(ranking.ranks, k), 4) for k in RECALLS},
        "median_rank": median + 1 if len(found) and median < NEVER / 4 else None,
        "chance_R@10": round(chance_recall(truth.correct, references, 10), 4),
    }
    return ranking, numbers


def published_line(subset, numbers):
    """The published log line, with its blank at the end."""
    name = f"{subset} " if subset else ""
    recalls = "".join(f"R@{k} = {numbers[f'R@{k}']:.2f}, " for k in PUBLISHED_RECALLS)
    return f"image retrieval: {name}recall: {recalls.removesuffix(', ')} "


def coverage_line(protocol, numbers):
    """What the published line leaves out and a score means little without."""
    return (
        f"protocol: {protocol}, reference: {numbers['reference']}, "
        f"queries: {numbers['queries']} of {numbers['all_queries']}, "
        f"gallery: {numbers['gallery']} of {numbers['all_gallery']}, "
        f"missing images: {numbers['missing_images']}, ties: {numbers['ties']}"
    )


def collapse_warning(benchmark, numbers):
    """One line when the features can't tell images apart, else an empty string."""
    gallery = benchmark.gallery
    lengths = np.einsum("nd,nd->", gallery, gallery, dtype=np.float64) / len(gallery)
    spread = np.sqrt(gallery.var(axis=0, dtype=np.float64).sum() / lengths)
    chance = f"R@10 by chance is {numbers['chance_R@10']:.2f} %"
    if numbers["ties"] > TIED_SHARE * numbers["queries"]:
        return f"{numbers['ties']} of {numbers['queries']} queries tie; {chance}"
    return f"all gallery features are nearly the same; {chance}" if spread < SPREAD else ""


def append(path, text):
    """One write, so that evaluations running side by side don't mix their lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def record(flags, about, protocol, numbers):
    """Appends one evaluation to both result files and prints it."""
    published, coverage = published_line(about["subset"], numbers), coverage_line(protocol, numbers)
    results = Path(flags.results_dir)
    log = results / f"results_{about['dataset']}.log"
    append(log, f"{flags.feature_dir}\n{published}\n{coverage}\n")
    entry = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "dataset": about["dataset"],
        "subset": about["subset"],
        "protocol": protocol,
        "feature_dir": str(flags.feature_dir),
        **{key: about.get(key) for key in ("checkpoint", "step", "composition", "seed")},
        **numbers,
        "versions": {**(about.get("versions") or {}), "numpy": np.__version__},
    }
    append(results / "results.jsonl", json.dumps(entry, ensure_ascii=False) + "\n")
    print(f"{published}({coverage})", flush=True)
    return entry


def mean_lines(entries):
    """FashionIQ's summary, the mean over all its categories, one line a protocol."""
    lines = []
    for protocol in dict.fromkeys(entry["protocol"] for entry in entries):
        scores = [entry for entry in entries if entry["protocol"] == protocol]
        if {entry["subset"] for entry in scores} == set(datasets.subsets("fashion_iq")):
            ten, fifty = (np.mean([entry[f"R@{k}"] for entry in scores]) for k in (10, 50))
            lines.append(
                f"mean over categories: R@10 = {ten:.2f}, R@50 = {fifty:.2f}, "
                f"mean of both = {(ten + fifty) / 2:.2f} (protocol: {protocol})"
            )
    return lines


def true_or_false(text):
    if text not in ("True", "False"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither True nor False")
    return text == "True"


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--feature_dir", required=True, help="where extraction wrote the features")
    parser.add_argument("--data_path", default="", help="default: the one extraction used")
    parser.add_argument("--subset", default="", help="FashionIQ category; default: all found")
    parser.add_argument("--protocol", default="val", choices=("val", "original", "both"))
    parser.add_argument(
        "--keep_reference", type=true_or_false, default=False, help="True: reference stays in"
    )
    parser.add_argument("--results_dir", default="results")
    return parser.parse_args(argv)


def wanted_protocols(flag, dataset):
    known = datasets.protocols(dataset)
    if flag == "both":
        return known
    if flag not in known:
        raise InputError(f"--protocol={flag}: {dataset} has only {', '.join(known)}")
    return (flag,)


def main(argv):
    flags = parse(argv)
    entries = []
    for folder in find_features(flags.feature_dir, flags.subset):
        about = read_about(folder)
        for protocol in wanted_protocols(flags.protocol, about["dataset"]):
            features, benchmark = load_benchmark(folder, protocol, flags.data_path)
            _, numbers = evaluate(benchmark, flags.keep_reference)
            entries.append(record(flags, features.about, protocol, numbers))
            warning = collapse_warning(benchmark, numbers)
            if warning:
                print(f"warning: {warning}")
    for line in mean_lines(entries):
        print(line)


if __name__ == "__main__":
    run_main(main)
