"""How fast and how lean the evaluation is, side by side in one run; about two minutes on 2 cores.

  python benchmarks/evaluation.py [--queries=33480 --gallery=29789 --dims=2048]

Compares rank_correct with the bare matrix product in the same blocks, with the published
algorithm (published test_val.py: difference of every pair, full sort, dense masks; on a slice,
extrapolated), and with faiss where it is installed. The last lines are name=value.
Features are drawn: non-negative and of low rank, as pooled ReLU maps are, about half of the
queries with a correct image among the 10 nearest; ratio_to_matmul_unrelated is the hard case,
full-rank features and queries that have nothing to do with their targets.
"""

import argparse
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import scipy.sparse

sys.path.insert(0, str(Path(__file__).parents[1]))
from retrieval import BLOCK_SCORES, rank_correct, recall_at_k

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


def seconds(function, *arguments):
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def resident_bytes():
    """Memory of this process in use now; Linux only."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes(function, *arguments):
    """Most memory in use while function runs, beyond what was in use before; sampled."""
    before, samples, done = resident_bytes(), [0], threading.Event()

    def sample():
        while not done.wait(0.01):
            samples.append(resident_bytes() - before)

    watcher = threading.Thread(target=sample)
    watcher.start()
    function(*arguments)
    done.set()
    watcher.join()
    return max(samples)


def faiss_seconds(queries, gallery):
    """Exact search of 51 neighbours, or None without faiss."""
    try:
        import faiss
    except ImportError:
        return None
    index = faiss.IndexFlatL2(gallery.shape[1])
    index.add(gallery)
    return seconds(index.search, queries, 51)[0]


def compare(queries, gallery, correct, references, rounds):
    """Best of some rounds in turn, so that both meet the same neighbours on the machine."""
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(seconds(bare_product, queries, gallery)[0])
        ours.append(seconds(rank_correct, queries, gallery, correct, references))
        print(f"  bare product {bare[-1]:.2f} s, ours {ours[-1][0]:.2f} s", flush=True)
    return min(bare), min(spent for spent, _ in ours), ours[0][1].ranks


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--queries", type=int, default=33_480)
    parser.add_argument("--gallery", type=int, default=29_789)
    parser.add_argument("--dims", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=2, help="best of how many")
    parser.add_argument("--slice", type=int, default=30, help="queries of the published algorithm")
    flags = parser.parse_args(argv)
    rng = np.random.default_rng(0)
    print(f"{flags.queries:,} queries x {flags.gallery:,} images x {flags.dims:,} dimensions")
    data = draw(rng, flags.queries, flags.gallery, flags.dims)
    part = [side[: flags.slice] for side in data]
    peak = peak_bytes(rank_correct, *data) if sys.platform == "linux" else float("nan")
    bare, ours, ranks = compare(*data, flags.rounds)
    published, expected = seconds(published_ranks, part[0], data[1], *part[2:])
    published *= flags.queries / flags.slice
    results = {
        "recall_at_10": recall_at_k(ranks, 10),
        "ranks_as_published_percent": 100 * np.mean(ranks[: flags.slice] == expected),
        "seconds": ours,
        "matmul_seconds": bare,
        "published_seconds": published,
        "ratio_to_matmul": ours / bare,
        "ratio_to_published": published / ours,
        "peak_gib": peak / 2**30,
    }
    faiss = faiss_seconds(*data[:2])
    if faiss is not None:
        results |= {"faiss_seconds": faiss, "ratio_to_faiss": ours / faiss}
    hard = [unit(rng.standard_normal(side.shape, np.float32)) for side in data[:2]]
    count = flags.queries // 4
    bare, ours, _ = compare(
        hard[0][:count], hard[1], data[2][:count], data[3][:count], flags.rounds
    )
    results["ratio_to_matmul_unrelated"] = ours / bare
    sizes = [draw(rng, *size, FASHION_IQ_DIMS, 1) for size in FASHION_IQ]
    results["fashion_iq_seconds"] = sum(seconds(rank_correct, *size)[0] for size in sizes)
    for name, value in results.items():
        print(f"{name}={value:.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
