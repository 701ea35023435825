"""The tenth that settings are chosen by: fixed, in the released format, sharing no image."""

import pytest

import datasets
from command_line.errors import InputError
from datasets import fashion200k
from datasets.fashion200k import read_fashion200k
from datasets.tuning_split import split_by_image, write_tuning_split
from demo.generate_demo_data import generate
from tests.support.small_data import ANNOTATIONS, real


def test_pairs_that_share_an_image_stay_together():
    pairs = [(f"a{i // 3}", f"b{i}") for i in range(300)] + [(f"c{i}", "c") for i in range(90)]
    names, counts = split_by_image(pairs)
    taken = [pair for pair in pairs if names.intersection(pair)]
    assert 0.08 * len(pairs) < len(taken) <= 0.1 * len(pairs)
    assert {name for pair in taken for name in pair} == names
    assert not set(taken).intersection(pairs[300:])  # a group larger than the share stays
    assert list(counts.values()) == [len(taken), len(pairs) - len(taken)]
    assert (names, counts) == split_by_image(pairs)


def of_root(dataset, root):
    """(training triplets, validation queries, image names of both)"""
    train = datasets.READERS[dataset].read_training(root).given
    benchmarks = [datasets.read_benchmark(dataset, root, s) for s in datasets.subsets(dataset)]
    queries = [query for benchmark in benchmarks for query in benchmark.queries]
    shown = {n for q in queries for n in (q.reference, *q.targets)}
    return train, queries, ({n for t in train for n in (t.reference, t.target)}, shown)


@real
@pytest.mark.parametrize("dataset", ["fashion_iq", "shoes"])
def test_released_training_triplets_are_divided(dataset, tmp_path):
    root, source = tmp_path / "tuning", ANNOTATIONS / dataset
    line = write_tuning_split(datasets.READERS[dataset], source, root)
    whole = datasets.READERS[dataset].read_training(source).given
    train, queries, (trained, shown) = of_root(dataset, root)
    assert not trained & shown
    assert sorted(train) == sorted(t for t in whole if t.reference not in shown)
    assert len(train) + len(queries) == len(whole)
    assert 0.095 * len(whole) < len(queries) <= 0.101 * len(whole)
    files = {p: p.read_bytes() for p in root.rglob("*.json")}
    assert write_tuning_split(datasets.READERS[dataset], source, root) == line
    assert {p: p.read_bytes() for p in root.rglob("*.json")} == files


def test_fashion200k_queries_are_drawn_of_captions_kept_from_training(tmp_path):
    generate(tmp_path, "fashion200k", triplets=180)
    source, root = tmp_path / "fashion200k", tmp_path / "tuning"
    write_tuning_split(fashion200k, source, root)
    train, test = (read_fashion200k(root, split) for split in ("train", "test"))
    whole = read_fashion200k(source, "train")
    assert sorted(train + test) == sorted(whole)
    assert not {i.caption for i in train} & {i.caption for i in test}
    assert len(datasets.read_benchmark("fashion200k", root).queries) > 3
    name = test[0].name
    assert (root / name).read_bytes() == (source / name).read_bytes()  # images are found there
    with pytest.raises(InputError, match="not of other"):
        write_tuning_split(fashion200k, "other", root)
