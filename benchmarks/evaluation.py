"""How fast and how lean the evaluation is, side by side in one run; about two minutes on 2 cores.

  python -m benchmarks.evaluation [--queries=33480 --gallery=29789 --dims=2048]

Compares rank_correct with the bare matrix product in the same blocks, with the published
algorithm (published test_val.py: difference of every pair, full sort, dense masks; on a slice,
extrapolated), and with faiss where it is installed. The last lines are name=value.
Features are drawn: non-negative and of low rank, as pooled ReLU maps are, about half of the
queries with a correct image among the 10 nearest; ratio_to_matmul_unrelated is the hard case,
full-rank features and queries that have nothing to do with their targets.
"""

import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse

from command_line.errors import run_main
from command_line.flags import Flags
from evaluation.ranking import BLOCK_SCORES, rank_correct
from evaluation.recall import recall_at_k

RANK = 96  # of the drawn features
FASHION_IQ = ((4034, 2628), (4075, 3089), (3920, 2902), (2017, 3817), (2038, 6346), (1961, 5373))
FASHION_IQ_DIMS = 3584


def unit(rows):
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def draw(rng, queries, gallery, dims, images_per_caption=5):
    """(query features, gallery features, correct [Q, N], references [Q])."""
    caption = rng.integers(0, -(-gallery // images_per_caption), gallery)
    latent = 0.7 * rng.standard_normal((caption.max() + 1, RANK), np.float32)[caption]
    latent += 0.7 * rng.standard_normal(latent.shape, np.float32)
    weights = rng.standard_normal((RANK, dims), np.float32)
    target = rng.integers(0, gallery, queries)
    asked = latent[target] + 2.7 * rng.standard_normal((queries, RANK), np.float32)
    features = [unit(np.maximum(side @ weights, 0)) for side in (asked, latent)]
    return *features, same_caption(caption, target), rng.integers(0, gallery, queries)


def same_caption(caption, target):
    """Correct is every image with the target's caption -> csr [Q, N]."""
    order = np.argsort(caption, kind="stable")
    first = np.searchsorted(caption[order], np.arange(caption.max() + 2))
    rows = [order[first[c] : first[c + 1]] for c in caption[target]]
    row_ends = np.cumsum([0] + [len(row) for row in rows])
    shape = (len(target), len(caption))
    return scipy.sparse.csr_array(
        (np.ones(row_ends[-1], bool), np.concatenate(rows), row_ends), shape=shape
    )


def bare_product(queries, gallery):
    size = BLOCK_SCORES // len(gallery)
    out = np.empty((min(size, len(queries)), len(gallery)), np.float32)
    for start in range(0, len(queries), size):
        block = queries[start : start + size]
        np.matmul(block, gallery.T, out=out[: len(block)])


def published_ranks(queries, gallery, correct, references):
    """The published algorithm on some queries; all masks dense, each row sorted in full."""
    masks = correct.toarray()
    ranks = []
    for i in range(len(queries)):
        distance = np.sum((gallery - queries[i]) ** 2, axis=1)
        distance[references[i]] = np.inf
        order = np.argsort(distance, kind="stable")
        masks[i, references[i]] = False
        ranks.append(np.flatnonzero(masks[i][order])[0] if masks[i].any() else np.iinfo(int).max)
    return np.array(ranks)


class Cost(NamedTuple):
    """What a call took. cpu: seconds of all threads, which busy neighbours change least; above
    wall * cores it would be threads that wait by spinning.

    peak: most bytes in use beyond what was in use before, sampled; nan where there is no /proc.
    """

    wall: float
    cpu: float
    peak: float

    def said(self):
        return f"{self.wall:.2f} s ({self.cpu:.2f} CPU s)"


def resident_bytes():
    """Memory of this process in use now; Linux only."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except FileNotFoundError:
        return float("nan")
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def measure(function, *arguments):
    """Calls the function -> (Cost, its result)."""
    before, peaks, done = resident_bytes(), [0], threading.Event()

    def sample():
        while not done.wait(0.01):
            peaks.append(resident_bytes() - before)

    watcher = threading.Thread(target=sample)
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    done.set()
    watcher.join()
    return Cost(wall, cpu, max(peaks)), result


def faiss_seconds(queries, gallery):
    """Exact search of 51 neighbours, or None without faiss."""
    try:
        import faiss
    except ImportError:
        return None
    index = faiss.IndexFlatL2(gallery.shape[1])
    index.add(gallery)
    return measure(index.search, queries, 51)[0].wall


def compare(queries, gallery, correct, references, rounds):
    """Both in turn, so that they meet the same neighbours on the machine, the best of the rounds:
    -> (bare product's Cost, rank_correct's Cost, ranks)."""
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(measure(bare_product, queries, gallery)[0])
        cost, ranking = measure(rank_correct, queries, gallery, correct, references)
        ours.append(cost)
        print(f"  bare product {bare[-1].said()}, ours {cost.said()}", flush=True)
    return *(Cost(*map(min, zip(*costs, strict=True))) for costs in (bare, ours)), ranking.ranks


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--queries", type=int, default=33_480)
    parser.add_argument("--gallery", type=int, default=29_789)
    parser.add_argument("--dims", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=2, help="best of how many")
    parser.add_argument("--slice", type=int, default=30, help="queries of the published algorithm")
    flags = parser.parse_args(argv)
    rng = np.random.default_rng(0)
    print(f"{flags.queries:,} queries x {flags.gallery:,} images x {flags.dims:,} dimensions")
    data = draw(rng, flags.queries, flags.gallery, flags.dims)
    bare, ours, ranks = compare(*data, flags.rounds)
    few = [data[0][: flags.slice], data[1], *(side[: flags.slice] for side in data[2:])]
    published, expected = measure(published_ranks, *few)
    published_seconds = published.wall * flags.queries / flags.slice
    results = {
        "recall_at_10": recall_at_k(ranks, 10),
        "ranks_as_published_percent": 100 * np.mean(ranks[: flags.slice] == expected),
        "seconds": ours.wall,
        "cpu_seconds": ours.cpu,
        "matmul_seconds": bare.wall,
        "matmul_cpu_seconds": bare.cpu,
        "published_seconds": published_seconds,
        "published_cpu_seconds": published.cpu * flags.queries / flags.slice,
        "ratio_to_matmul": ours.wall / bare.wall,
        "cpu_ratio_to_matmul": ours.cpu / bare.cpu,
        "ratio_to_published": published_seconds / ours.wall,
        "peak_gib": ours.peak / 2**30,
    }
    faiss = faiss_seconds(*data[:2])
    if faiss is not None:
        results |= {"faiss_seconds": faiss, "ratio_to_faiss": ours.wall / faiss}
    hard = [unit(rng.standard_normal(side.shape, np.float32)) for side in data[:2]]
    part = slice(flags.queries // 4)
    bare, ours, _ = compare(hard[0][part], hard[1], data[2][part], data[3][part], flags.rounds)
    results["ratio_to_matmul_unrelated"] = ours.wall / bare.wall
    results["cpu_ratio_to_matmul_unrelated"] = ours.cpu / bare.cpu
    sizes = [draw(rng, *size, FASHION_IQ_DIMS, 1) for size in FASHION_IQ]
    costs = [measure(rank_correct, *size)[0] for size in sizes]
    results["fashion_iq_seconds"] = sum(cost.wall for cost in costs)
    results["fashion_iq_cpu_seconds"] = sum(cost.cpu for cost in costs)
    for name, value in results.items():
        print(f"{name}={value:.3f}")


if __name__ == "__main__":
    run_main(main)
