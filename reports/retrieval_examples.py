"""Queries worth looking at, chosen by rule: hits, near misses and failures of one evaluation."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

import datasets
from command_line.errors import InputError
from datasets.find_images import image_paths
from datasets.image_files import FORMATS, MOST_MEGAPIXELS
from evaluation.ranking import NEVER
from evaluation.recall import PUBLISHED_RECALLS, recall_at_k, recall_name

NEAR = 5  # a near miss is a target within NEAR times as many images as are shown


class Example(NamedTuple):
    """One query with its answer."""

    reference: str  # image name
    caption: str
    top: list[tuple[str, float, bool]]  # nearest first: image name, squared L2, correct
    target: str  # the nearest correct image
    rank: int | None  # of the target, 1 is best; None if it can't be found

    @property
    def rank_label(self):
        return f"target: rank {self.rank:,}" if self.rank else "target: out of reach"


class Group(NamedTuple):
    title: str  # the rule
    share: float  # percent of all queries
    examples: list[Example]


class Examples(NamedTuple):
    title: str
    subtitle: str
    groups: list[Group]
    paths: dict[str, Path]  # image files by name; missing ones are not in it

    def picture(self, name, size):
        """The named image fitted into size x size, None if it is missing or can't be read."""
        return read_image(self.paths[name], size) if name in self.paths else None

    def unreadable(self):
        """Names of images that could not be shown."""
        return [name for name in image_names(self.groups) if self.picture(name, 8) is None]


def spread(rows, count):
    """At most `count` of the rows, evenly spaced in released order: a rule, no choice by hand."""
    count = min(count, len(rows))
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))] if len(rows) else rows


def data_title(dataset, subset):
    return f"{datasets.READERS[dataset].TITLE} {subset}".strip()


def read_examples(evaluation_set, top=10, counts=(4, 2, 2)):
    """-> Examples; top: images shown of each; counts: of hits, near misses and failures."""
    metadata, images = evaluation_set.metadata, len(evaluation_set.gallery)
    dataset, subset = metadata["dataset"], metadata["subset"]
    if images < 2:
        raise InputError(f"{evaluation_set.stem}: a gallery of one image has no order to show")
    top = min(top, images - 1)
    ranking = evaluation_set.rank(top)
    ranks = ranking.ranks
    rules = {
        f"Hits: the target is among the {top} nearest": ranks < top,
        f"Near misses: rank {top + 1} to {NEAR * top}": (ranks >= top) & (ranks < NEAR * top),
        f"Failures: rank beyond {NEAR * top}": ranks >= NEAR * top,
    }
    groups = []
    for (title, members), count in zip(rules.items(), counts, strict=True):
        chosen = spread(np.flatnonzero(members), count)
        examples = [build_example(evaluation_set.truth, ranking, i) for i in chosen]
        groups.append(Group(title, 100 * members.mean(), examples))
    paths = image_paths(dataset, metadata["data_path"], image_names(groups), subset)
    recalls = [f"{recall_name(k)} {recall_at_k(ranks, k):.1f} %" for k in PUBLISHED_RECALLS]
    title = f"{data_title(dataset, subset)}, protocol {evaluation_set.protocol}"
    counts = f"{len(ranks):,} queries, {images:,} gallery images"
    return Examples(title, f"{', '.join(recalls)}; {counts}", groups, paths)


def fewer(examples, counts):
    """The same with at most counts[i] examples in group i, evenly spaced."""
    groups = []
    for group, count in zip(examples.groups, counts, strict=True):
        chosen = spread(np.arange(len(group.examples)), count)
        groups.append(group._replace(examples=[group.examples[i] for i in chosen]))
    return examples._replace(groups=groups)


def image_names(groups):
    """Names of all images of the examples, sorted."""
    examples = [example for group in groups for example in group.examples]
    shown = {name for example in examples for name, _, _ in example.top}
    return sorted(shown.union(*((example.reference, example.target) for example in examples)))


def build_example(truth, ranking, i):
    correct = truth.correct_of(i)
    top = [
        (truth.gallery[column], float(distance), bool(column in correct))
        for column, distance in zip(ranking.nearest[i], ranking.distances[i], strict=True)
    ]
    target, rank = correct[0], None
    if ranking.ranks[i] != NEVER:
        target, rank = ranking.targets[i], int(ranking.ranks[i]) + 1
    return Example(truth.query_references[i], truth.captions[i], top, truth.gallery[target], rank)


def read_image(path, size):
    """An image file fitted into size x size; None if it can't be read."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MOST_MEGAPIXELS * 10**6:
                return None
            image.draft("RGB", (2 * size, 2 * size))
            return ImageOps.contain(image.convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
