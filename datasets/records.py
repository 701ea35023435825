"""What the readers return: plain records, in released order."""

from collections.abc import Callable
from typing import NamedTuple


class Triplet(NamedTuple):
    """One training example."""

    reference: str  # image name: ASIN (FashionIQ), file name (Shoes), women/... path (Fashion200k)
    target: str
    caption: str  # one relative caption, raw
    subset: str = ""  # FashionIQ category
    label: int | None = None  # of products: targets with one label have equal values


class Query(NamedTuple):
    """One test query; targets are all its correct gallery names (several only for Fashion200k)."""

    reference: str
    caption: str
    targets: tuple[str, ...]


class Benchmark(NamedTuple):
    """What is asked, and of what."""

    queries: list[Query]  # released order
    gallery: list[str]  # image names, sorted, unique

    @classmethod
    def of(cls, queries, listed):
        """The gallery is every image of a query, and those listed besides."""
        shown = {name for query in queries for name in (query.reference, *query.targets)}
        return cls(queries, sorted(shown.union(listed)))


class LabelledImage(NamedTuple):  # of Fashion200k
    path: str  # women/<category>/<sub>/<id>/<file>
    caption: str


class SideText(NamedTuple):
    """A training image's own text."""

    name: str  # image name as in Triplet
    text: str
    subset: str = ""  # FashionIQ category


class TrainingSet(NamedTuple):
    """What a data set trains on."""

    images: list[str]  # names of all that can occur
    texts: list[str]  # hold every word that can occur
    triplets: Callable  # (seed, epoch, there: names of images that exist) -> list[Triplet]
