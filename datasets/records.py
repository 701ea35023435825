"""What the readers return: plain records, in released order."""

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Triplet(NamedTuple):
    """One training example."""

    reference: str  # image name: ASIN (FashionIQ), file name (Shoes), women/... path (Fashion200k)
    target: str
    caption: str  # one relative caption, raw
    subset: str = ""  # FashionIQ category
    label: int | None = None  # of the target: no negative of its equals; all or none have one
    reference_label: int | None = None  # of the reference, where label is


class LabelledImage(NamedTuple):
    """A training image with a text of its own."""

    name: str  # as in Triplet
    caption: str
    subset: str = ""
    label: int | None = None  # as in Triplet

    @property
    def pair(self):
        """The image as the reference and the target of its text."""
        return Triplet(self.name, *self, self.label)


class TrainingSet(NamedTuple):
    """Triplets of every epoch, and images that more are drawn of, anew each epoch."""

    given: Sequence[Triplet] = ()
    labelled: Sequence[LabelledImage] = ()
    # Those of `labelled` whose files exist -> function of (seed, epoch) -> list[Triplet].
    sampler: Callable = lambda images: lambda seed, epoch: []  # noqa: E731
    phrases: Sequence[str] = ()  # in drawn captions, beside words of `labelled`
    digest: str = ""  # of data that people prepare anew; a run goes on with the same alone

    @property
    def texts(self):
        """Whose words are the vocabulary."""
        return [*self.phrases, *(record.caption for record in (*self.given, *self.labelled))]


class Query(NamedTuple):
    """One test query; targets are all its correct gallery names, several where texts are equal."""

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
