"""Queries worth looking at, chosen by rule: hits, near misses and failures of one evaluation."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

import datasets
from command_line.errors import InputError
from datasets.find_images import image_paths
from datasets.image_files import FORMATS
from evaluation.evaluation_set import load_evaluation_set
from evaluation.ranking import NEVER, nearest, rank_correct
from evaluation.recall import PUBLISHED_RECALLS, recall_at_k, recall_name

NEAR = 5  # a near miss is a target within NEAR times as many images as are shown
MAX_PIXELS = 50_000_000  # of an image that is opened


class Case(NamedTuple):
    """One query with its answer."""

    reference: str  # image name
    caption: str
    top: list[tuple[str, float, bool]]  # nearest first: image name, squared L2, correct
    target: str  # the nearest correct image
    rank: int | None  # of the target, 1 is best; None if it can't be found


class Group(NamedTuple):
    title: str  # the rule
    share: float  # percent of all queries
    cases: list[Case]


class Cases(NamedTuple):
    title: str
    subtitle: str
    groups: list[Group]
    paths: dict[str, Path]  # image files by name; missing ones are not in it


def spread(rows, count):
    """At most `count` of the rows, evenly spaced in released order: a rule, no choice by hand."""
    count = min(count, len(rows))
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))] if len(rows) else rows


def read_cases(folder, protocol="val", data_path="", top=10, counts=(4, 2, 2)):
    """Features of one folder -> Cases; counts: of hits, near misses and failures shown."""
    features, evaluation_set = load_evaluation_set(folder, protocol, data_path)
    queries, gallery, truth = evaluation_set[:3]
    if len(gallery) < 2:
        raise InputError(f"{folder}: a gallery of one image has no order to show")
    top = min(top, len(gallery) - 1)
    scorer = evaluation_set.scorer
    ranks = rank_correct(queries, gallery, truth.correct, truth.references, scorer=scorer).ranks
    rules = {
        f"Hits: the target is among the {top} nearest": ranks < top,
        f"Near misses: rank {top + 1} to {NEAR * top}": (ranks >= top) & (ranks < NEAR * top),
        f"Failures: rank beyond {NEAR * top}": ranks >= NEAR * top,
    }
    groups = []
    for (title, members), count in zip(rules.items(), counts, strict=True):
        chosen = spread(np.flatnonzero(members), count)
        cases = build_cases(evaluation_set, chosen, ranks, top)
        groups.append(Group(title, 100 * members.mean(), cases))
    names = {name for group in groups for case in group.cases for name in case_names(case)}
    about = features.about
    paths = image_paths(
        about["dataset"], data_path or about["data_path"], sorted(names), about["subset"]
    )
    title = (
        f"{datasets.READERS[about['dataset']].TITLE} {about['subset']}".strip()
        + f", protocol {protocol}"
    )
    recalls = ", ".join(
        f"{recall_name(k)} {recall_at_k(ranks, k):.1f} %" for k in PUBLISHED_RECALLS
    )
    subtitle = f"{recalls}; {len(queries):,} queries, {len(gallery):,} gallery images"
    return Cases(title, subtitle, groups, paths)


def fewer(cases, counts):
    """The same with at most counts[i] cases in group i, evenly spaced."""
    groups = [
        group._replace(cases=[group.cases[i] for i in spread(np.arange(len(group.cases)), count)])
        for group, count in zip(cases.groups, counts, strict=True)
    ]
    return cases._replace(groups=groups)


def case_names(case):
    return [case.reference, case.target, *(name for name, _, _ in case.top)]


def build_cases(evaluation_set, chosen, ranks, top):
    """Cases of the chosen queries."""
    queries, gallery, truth = evaluation_set[:3]
    if not len(chosen):
        return []
    scorer = evaluation_set.scorer
    columns, listed_distances = nearest(
        queries[chosen], gallery, truth.references[chosen], top, scorer
    )
    cases = []
    for i, near, exact in zip(chosen, columns, listed_distances, strict=True):
        correct = truth.correct_of(i)
        listed = [
            (truth.gallery[c], float(d), bool(c in correct))
            for c, d in zip(near, exact, strict=True)
        ]
        reachable = correct[correct != truth.references[i]]
        best = correct[0]
        if len(reachable):
            exact = scorer(queries[i : i + 1], gallery[reachable])
            best = reachable[exact.distances(0, np.arange(len(reachable))).argmin()]
        rank = None if ranks[i] == NEVER else int(ranks[i]) + 1
        case = Case(truth.query_references[i], truth.captions[i], listed, truth.gallery[best], rank)
        cases.append(case)
    return cases


def rank_label(case):
    return f"target: rank {case.rank:,}" if case.rank else "target: out of reach"


def read_image(path, size):
    """An image file fitted into size x size; None if it can't be read."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            image.draft("RGB", (2 * size, 2 * size))
            return ImageOps.contain(image.convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def unreadable(cases):
    """Names of images that could not be shown."""
    names = {n for group in cases.groups for case in group.cases for n in case_names(case)}
    return sorted(n for n in names if n not in cases.paths or read_image(cases.paths[n], 8) is None)
