"""The tenth that settings are chosen by: fixed, in the released format, sharing no image."""

from pathlib import Path

import numpy as np
import pytest

import datasets
from command_line.errors import InputError
from datasets.fashion200k import read_fashion200k
from datasets.tuning_split import split_by_image, write_tuning_split
from demo.generate_demo_data import generate

RELEASED = Path(__file__).parents[3] / "shared" / "annotations"


def test_pairs_that_share_an_image_stay_together():
    pairs = [(f"a{i // 3}", f"b{i}") for i in range(300)] + [(f"c{i}", "c") for i in range(90)]
    taken = split_by_image(pairs)
    assert 0.08 * len(pairs) < taken.sum() <= 0.1 * len(pairs)
    sides = [{n for i in np.flatnonzero(taken == side) for n in pairs[i]} for side in (0, 1)]
    assert not sides[0] & sides[1]
    assert not taken[300:].any()  # a group larger than the share stays in training
    assert np.array_equal(taken, split_by_image(pairs))


def of_root(dataset, root):
    """(training triplets, validation queries, image names of both)"""
    train = datasets.read_train_triplets(dataset, root)
    subsets = datasets.subsets(dataset)
    queries = [q for s in subsets for q in datasets.read_benchmark(dataset, root, s).queries]
    shown = {n for q in queries for n in (q.reference, *q.targets)}
    return train, queries, ({n for t in train for n in (t.reference, t.target)}, shown)


@pytest.mark.skipif(not RELEASED.exists(), reason="no ../shared/annotations: the released files")
@pytest.mark.parametrize("dataset", ["fashion_iq", "shoes"])
def test_released_training_triplets_are_divided(dataset, tmp_path):
    root, source = tmp_path / "tuning", RELEASED / dataset
    line = write_tuning_split(dataset, source, root)
    whole = datasets.read_train_triplets(dataset, source)
    train, queries, (trained, shown) = of_root(dataset, root)
    assert not trained & shown
    assert sorted(train) == sorted(t for t in whole if t.reference not in shown)
    assert len(train) + len(queries) == len(whole)
    assert 0.095 * len(whole) < len(queries) <= 0.101 * len(whole)
    files = {p: p.read_bytes() for p in root.rglob("*.json")}
    assert write_tuning_split(dataset, source, root) == line
    assert {p: p.read_bytes() for p in root.rglob("*.json")} == files


def test_fashion200k_queries_are_drawn_of_captions_kept_from_training(tmp_path):
    generate(tmp_path, "fashion200k", triplets=180)
    source, root = tmp_path / "fashion200k", tmp_path / "tuning"
    write_tuning_split("fashion200k", source, root)
    train, test = (read_fashion200k(root, split) for split in ("train", "test"))
    whole = read_fashion200k(source, "train")
    assert sorted(train + test) == sorted(whole)
    assert not {i.caption for i in train} & {i.caption for i in test}
    assert len(datasets.read_benchmark("fashion200k", root).queries) > 3
    name = test[0].path
    assert (root / name).read_bytes() == (source / name).read_bytes()  # images are found there
    with pytest.raises(InputError, match="not of other"):
        write_tuning_split("fashion200k", "other", root)
