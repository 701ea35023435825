"""Ranks for other tools: one JSON line per query, or a TREC run with its qrels (test_val.py)."""

import json
from pathlib import Path
from urllib.parse import quote

import numpy as np

from command_line.errors import InputError
from command_line.files import write_lines
from datasets.released_files import read_records
from evaluation.following import FIGURES, of_answers
from evaluation.ranking import NEVER

DEPTH = 50  # images listed per query: what R@50 needs


def nearest_names(evaluation_set, ranking):
    """Yields [(name, squared L2), ...] of each query's nearest images, nearest first."""
    gallery = evaluation_set.truth.gallery
    for columns, distances in zip(ranking.nearest, ranking.distances, strict=True):
        yield [(gallery[c], float(d)) for c, d in zip(columns, distances, strict=True)]


def correct_names(truth, i):
    """Names of query i's correct images, in gallery order."""
    return [truth.gallery[column] for column in truth.correct_of(i)]


def write_ranks(folder, evaluation_set, ranking, judged):
    """ranks_<stem>.jsonl, an object a query: reference, caption, targets, rank, tied, top, and of
    products column, changed, kept, both. judged: of evaluation.following.judge_all.

    rank: 1 is best, null if no correct image is left. top: [[name, squared L2], ...].
    Returns its path."""
    truth, path = evaluation_set.truth, Path(folder, f"ranks_{evaluation_set.stem}.jsonl")
    followed = of_answers(*judged) if judged else [{}] * len(truth.captions)
    entries = (
        {
            "reference": truth.query_references[i],
            "caption": truth.captions[i],
            "targets": correct_names(truth, i),
            "rank": None if ranking.ranks[i] == NEVER else int(ranking.ranks[i]) + 1,
            "tied": bool(ranking.tied[i]),
            "top": top,
            **followed[i],
        }
        for i, top in enumerate(nearest_names(evaluation_set, ranking))
    )
    write_lines(path, (json.dumps(entry, ensure_ascii=False) for entry in entries))
    return path


def read_ranks(path):
    """write_ranks' file -> (ranks float64 [Q], inf for null; [(reference, caption, targets)];
    shares [Q, FIGURES], NaN for null; columns asked [Q]); the last two empty but of products.

    Raises InputError naming the line that is something else."""
    queries = read_records(path, parse_rank, "a query's rank")
    if not queries:
        raise InputError(f"{path}: no queries")
    ranks, keys, shares, columns = zip(*queries, strict=True)
    if None in columns:
        shares = columns = ()
    return np.array(ranks), list(keys), np.array(shares, np.float64), columns


def parse_rank(entry):
    targets = tuple(entry["targets"])
    rank = np.inf if entry["rank"] is None else float(entry["rank"])
    if not targets or not rank >= 1:
        raise ValueError("no target, or a rank below 1")
    shares = [entry.get(figure) for figure in FIGURES]
    return rank, (entry["reference"], entry["caption"], targets), shares, entry.get("column")


def write_trec(folder, evaluation_set, ranking):
    """<stem>.run and <stem>.qrels for trec_eval; success_10 is R@10. Returns both paths.

    Scores are -rank: trec_eval goes by the score alone and breaks ties its own way."""
    truth, stem = evaluation_set.truth, evaluation_set.stem
    run, qrels = (Path(folder, f"{stem}.{ending}") for ending in ("run", "qrels"))
    tops = enumerate(nearest_names(evaluation_set, ranking))
    write_lines(run, (
        f"{stem}-{i} Q0 {quote(name)} {rank} {-rank} val"
        for i, top in tops for rank, (name, _) in enumerate(top, 1)
    ))  # fmt: skip
    write_lines(qrels, (
        f"{stem}-{i} 0 {quote(name)} 1"
        for i in range(len(truth.captions)) for name in correct_names(truth, i)
    ))  # fmt: skip
    return run, qrels
