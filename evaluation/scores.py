"""One evaluation: ranks -> numbers -> log lines, JSON (paper section 4, published test_val.py).

Ranks are counted from 1 in everything that is written or printed.
"""

import json
import time
from pathlib import Path

import numpy as np

import datasets
from command_line.errors import InputError
from command_line.files import append
from evaluation.features import OF_RUN
from evaluation.following import by_column, one_line
from evaluation.ranking import NEVER
from evaluation.recall import (
    MEAN,
    PUBLISHED_RECALLS,
    RECALLS,
    SUMMARY_RECALLS,
    Hits,
    bootstrap_intervals,
    chance_recall,
    recall_at_k,
    recall_name,
)


def evaluate(evaluation_set, ranking, judged):
    """Numbers for the log. judged: of judge_all."""
    truth, ranks = evaluation_set.truth, ranking.ranks
    queries, gallery = len(evaluation_set.queries), len(evaluation_set.gallery)
    chances = [chance_recall(truth.correct, evaluation_set.taken_out, k) for k in RECALLS]
    median = np.median(np.where(ranks == NEVER, np.inf, ranks))
    return {
        "queries": queries,
        "all_queries": evaluation_set.all_queries,
        "gallery": gallery,
        "all_gallery": evaluation_set.all_gallery,
        "missing_images": evaluation_set.all_gallery - gallery,
        "queries_left_out": evaluation_set.all_queries - queries,
        "reference": "kept" if evaluation_set.keep_reference else "removed",
        "ties": int(ranking.tied.sum()),
        **{recall_name(k): round(recall_at_k(ranks, k), 4) for k in RECALLS},
        **{f"chance_R@{k}": round(c, 4) for k, c in zip(RECALLS, chances, strict=True)},
        "interval_95": intervals(truth, ranks),
        "median_rank": float(median) + 1 if np.isfinite(median) else None,
        **({"following": by_column(*judged)} if judged else {}),
    }


def intervals(truth, ranks):
    """{"R@1": [low, high], ..., MEAN: [low, high]}: bootstrap over triplets, 95 %, in percent."""
    targets = [truth.correct_of(i)[0] for i in range(len(ranks))]  # the first of each query
    triplets = [f"{r}\t{t}" for r, t in zip(truth.query_references, targets, strict=True)]
    hits = {recall_name(k): 100.0 * (ranks < k) for k in RECALLS}
    hits[MEAN] = np.mean([hits[recall_name(k)] for k in SUMMARY_RECALLS], axis=0)
    bounds = bootstrap_intervals(Hits(list(hits.values()), triplets))
    return {name: np.round(pair, 2).tolist() for name, pair in zip(hits, bounds, strict=True)}


def published_line(subset, numbers):
    """The published log line, with its blank at the end."""
    names = map(recall_name, PUBLISHED_RECALLS)
    recalls = ", ".join(f"{name} = {numbers[name]:.2f}" for name in names)
    return f"image retrieval: {f'{subset} ' if subset else ''}recall: {recalls} "


def coverage_line(protocol, numbers):
    """What the published line leaves out, and a score means little without."""
    return (
        f"protocol: {protocol}, reference: {numbers['reference']}, "
        f"queries: {numbers['queries']} of {numbers['all_queries']}, "
        f"gallery: {numbers['gallery']} of {numbers['all_gallery']}, "
        f"missing images: {numbers['missing_images']}, ties: {numbers['ties']}"
        + (f"; {one_line(numbers['following'])}" if "following" in numbers else "")
    )


def collapse_warning(gallery, numbers):
    """One line when the features can't tell images apart, else an empty string."""
    lengths = np.einsum("nd,nd->", gallery, gallery, dtype=np.float64) / len(gallery)
    spread = np.sqrt(gallery.var(axis=0, dtype=np.float64).sum() / lengths)
    chance = f"R@10 by chance is {numbers['chance_R@10']:.2f} %"
    if numbers["ties"] > 0.1 * numbers["queries"]:  # no accident
        return f"{numbers['ties']} of {numbers['queries']} queries tie; {chance}"
    collapsed = spread < 1e-3  # relative to the features' length; a trained network has > 0.1
    return f"all gallery features are nearly the same; {chance}" if collapsed else ""


def record(results_dir, feature_dir, evaluation_set, numbers):
    """Appends one evaluation to both result files, prints it and returns the JSONL entry."""
    metadata, protocol = evaluation_set.metadata, evaluation_set.protocol
    dataset, subset = metadata["dataset"], metadata["subset"]
    published, coverage = published_line(subset, numbers), coverage_line(protocol, numbers)
    log = Path(results_dir, f"results_{dataset}.log")
    append(log, f"{feature_dir}\n{published}\n{coverage}\n")
    entry = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "dataset": dataset,
        "subset": subset,
        "protocol": protocol,
        "feature_dir": feature_dir,
        "data_path": metadata["data_path"],
        **{key: metadata[key] for key in OF_RUN},
        **numbers,
        "versions": {**metadata["versions"], "numpy": np.__version__},
    }
    append(Path(results_dir, "results.jsonl"), json.dumps(entry, ensure_ascii=False) + "\n")
    print(f"{published}({coverage})", flush=True)
    return entry


def check_same_checkpoint(feature_dir, metadata):
    """Raises InputError when the features of some subsets come from another checkpoint, other data
    or another precision."""
    for name in ("step", "checkpoint", "data_path", "precision"):
        sources = {each["subset"]: each[name] for each in metadata}
        if len(set(sources.values())) > 1:
            named = ", ".join(f"{subset} {value}" for subset, value in sources.items())
            raise InputError(
                f"--feature_dir={feature_dir}: features of more than one {name} ({named}); "
                "extract all again, or score one with --subset"
            )


def mean_lines(entries):
    """The mean over all subsets of a data set that has several, one line a protocol."""
    lines = []
    for protocol in dict.fromkeys(entry["protocol"] for entry in entries):
        scores = [entry for entry in entries if entry["protocol"] == protocol]
        subsets = datasets.subsets(scores[0]["dataset"])
        if len(subsets) > 1 and {entry["subset"] for entry in scores} == set(subsets):
            ten, fifty = (
                np.mean([entry[recall_name(k)] for entry in scores]) for k in SUMMARY_RECALLS
            )
            lines.append(
                f"mean over categories: R@10 = {ten:.2f}, R@50 = {fifty:.2f}, "
                f"mean of both = {(ten + fifty) / 2:.2f} (protocol: {protocol})"
            )
    return lines
