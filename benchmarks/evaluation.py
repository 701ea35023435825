"""How fast and how lean the evaluation is, side by side in one run; about two minutes on 2 cores.

  python -m benchmarks.evaluation [--queries=33480 --gallery=29789 --dims=2048]

Compares rank_correct with the bare matrix product in the same blocks and with the published
algorithm (published test_val.py: difference of every pair, full sort, dense masks; on a slice,
extrapolated). Features are drawn: non-negative and of low rank, as pooled ReLU maps are, about half
of the queries with a correct image among the 10 nearest; ratio_to_matmul_unrelated is the hard
case, full-rank features and queries that have nothing to do with their targets. The last lines are
name=value; cpu_seconds above seconds * cores would be threads that wait by spinning; peak_gib is
memory beside the features, nan where there is no /proc.
"""

import os
import threading
from pathlib import Path

import numpy as np
import scipy.sparse

from command_line.errors import run_main
from command_line.flags import Flags
from evaluation.ranking import BLOCK_SCORES, rank_correct
from evaluation.recall import recall_at_k
from training.timing import clock

RANK = 96  # of the drawn features
FASHION_IQ = ((4034, 2628), (4075, 3089), (3920, 2902), (2017, 3817), (2038, 6346), (1961, 5373))
FASHION_IQ_DIMS = 3584


def unit(rows):
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def draw(rng, queries, gallery, dims, images_per_caption=5):
    """(query features, gallery features, correct [Q, N]: the images with the target's caption,
    references [Q])."""
    caption = rng.integers(0, -(-gallery // images_per_caption), gallery)
    latent = 0.7 * rng.standard_normal((caption.max() + 1, RANK), np.float32)[caption]
    latent += 0.7 * rng.standard_normal(latent.shape, np.float32)
    weights = rng.standard_normal((RANK, dims), np.float32)
    target = rng.integers(0, gallery, queries)
    asked = latent[target] + 2.7 * rng.standard_normal((queries, RANK), np.float32)
    features = [unit(np.maximum(side @ weights, 0)) for side in (asked, latent)]
    images = np.ones(gallery, bool), (caption, np.arange(gallery))
    correct = scipy.sparse.csr_array(images)[caption[target]]
    return *features, correct, rng.integers(0, gallery, queries)


def bare_product(queries, gallery):
    size = BLOCK_SCORES // len(gallery)
    out = np.empty((min(size, len(queries)), len(gallery)), np.float32)
    for start in range(0, len(queries), size):
        block = queries[start : start + size]
        np.matmul(block, gallery.T, out=out[: len(block)])


def published_ranks(queries, gallery, correct, references):
    """The published algorithm on some queries; all masks dense, each row sorted in full."""
    masks, ranks = correct.toarray(), []
    for i in range(len(queries)):
        distance = np.sum((gallery - queries[i]) ** 2, axis=1)
        distance[references[i]] = np.inf
        order = np.argsort(distance, kind="stable")
        masks[i, references[i]] = False
        ranks.append(np.flatnonzero(masks[i][order])[0] if masks[i].any() else np.iinfo(int).max)
    return np.array(ranks)


def resident_bytes():
    """Memory of this process in use now."""
    statm = Path("/proc/self/statm")
    pages = float(statm.read_text().split()[1]) if statm.exists() else float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(function, *arguments):
    """-> ([seconds, CPU seconds, most bytes in use beyond those before], the function's result)"""
    before, peaks, done = resident_bytes(), [0], threading.Event()

    def sample():
        while not done.wait(0.01):
            peaks.append(resident_bytes() - before)

    watcher = threading.Thread(target=sample)
    watcher.start()
    wall, cpu, result = clock(function, *arguments)
    done.set()
    watcher.join()
    return np.array([wall, cpu, max(peaks)]), result


def compare(queries, gallery, correct, references, rounds):
    """Both in turn, so that they meet the same neighbours on the machine, the best of the rounds
    -> (costs of the bare product, of rank_correct, ranks)."""
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(measure(bare_product, queries, gallery)[0])
        cost, ranking = measure(rank_correct, queries, gallery, correct, references)
        ours.append(cost)
        said = ["{:.2f} s ({:.2f} CPU s)".format(*costs[-1][:2]) for costs in (bare, ours)]
        print(f"  bare product {said[0]}, ours {said[1]}", flush=True)
    return np.min(bare, axis=0), np.min(ours, axis=0), ranking.ranks


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
    hard = [unit(rng.standard_normal(side.shape, np.float32)) for side in data[:2]]
    part = slice(flags.queries // 4)
    costs = compare(hard[0][part], hard[1], data[2][part], data[3][part], flags.rounds)[:2]
    sizes = [draw(rng, *size, FASHION_IQ_DIMS, 1) for size in FASHION_IQ]
    seconds = {  # wall and CPU
        "": ours,
        "matmul_": bare,
        "published_": published * flags.queries / flags.slice,
        "fashion_iq_": sum(measure(rank_correct, *size)[0] for size in sizes),
    }
    ratios = {"": ours[:2] / bare[:2], "_unrelated": costs[1][:2] / costs[0][:2]}
    results = {
        "recall_at_10": recall_at_k(ranks, 10),
        "ranks_as_published_percent": 100 * np.mean(ranks[: flags.slice] == expected),
        **{f"{name}seconds": cost[0] for name, cost in seconds.items()},
        **{f"{name}cpu_seconds": cost[1] for name, cost in seconds.items()},
        **{f"ratio_to_matmul{name}": ratio[0] for name, ratio in ratios.items()},
        **{f"cpu_ratio_to_matmul{name}": ratio[1] for name, ratio in ratios.items()},
        "ratio_to_published": seconds["published_"][0] / ours[0],
        "peak_gib": ours[2] / 2**30,
    }
    for name, value in results.items():
        print(f"{name}={value:.3f}")


if __name__ == "__main__":
    run_main(main)
