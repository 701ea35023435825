"""What the readers return: plain records, in released order."""

from typing import NamedTuple


class Triplet(NamedTuple):
    """One training example."""

    reference: str  # image name: ASIN (FashionIQ), file name (Shoes), women/... path (Fashion200k)
    target: str
    caption: str  # one relative caption, raw
    subset: str = ""  # FashionIQ category


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
