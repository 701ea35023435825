"""Drawn products from the table to the scores, by the commands that a user gives."""

import json

import numpy as np
import pytest

import extract_features_val
import generate_groundtruth
import test_val
import train_val
from command_line.errors import InputError
from config import load_config
from datasets import check_data, products
from evaluation.method_runs import common_measures, difference, read_method_runs
from reports import show_retrieval, summarize_results
from tests.evaluation.test_following import plain
from tests.support.small_products import prepare, small_shop, write_table
from training.examples import build_vocabulary, examples_by_epoch, side_text_examples

TINY = ["--image_model=mobilenet_v1_025", "--image_size=32", "--word_embedding_size=8",
        "--text_embedding_size=8", "--joint_embedding_size=8", "--batch_size=8",
        "--train_length=1", "--dataset=products", "--composition=sum", "--levels=low"]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    data = prepare(root, write_table(root / "shop.csv", small_shop(root)))
    train_val.main([*TINY, f"--data_path={data}", f"--checkpoint_dir={root / 'run'}"])
    generate_groundtruth.main([f"--checkpoint_dir={root / 'run'}"])
    extract_features_val.main([f"--checkpoint_dir={root / 'run'}"])
    return root


def test_scored(shop, capsys):
    results = shop / "results"
    features, to = f"--feature_dir={shop / 'run/features'}", f"--results_dir={results}"
    test_val.main([features, to, f"--save_ranks={shop / 'ranks'}"])
    test_val.main([features, to, "--keep_reference=True"])
    log = (results / "results_products.log").read_text().splitlines()
    entry, kept = map(json.loads, (results / "results.jsonl").read_text().splitlines())
    found = entry["following"]
    assert found == kept["following"] and entry["reference"] != kept["reference"]
    assert "; first 10 changed/kept/both in %: " in log[2] and len(log) == 6
    queries, gallery = products.read_benchmark(shop / "data", "", "val")
    row = {name: i for i, name in enumerate(gallery)}
    values = products.read_values(shop / "data", gallery)[1].tolist()
    chance = {}
    for query in queries:
        reference, target = row[query.reference], row[query.targets[0]]
        (column,) = np.flatnonzero(np.not_equal(values[reference], values[target]))
        others = [i for i in row.values() if i != reference]
        share = plain(values, reference, column, values[target][column], others)
        chance.setdefault(["gender", "kind", "colour"][column], []).append(share)
    assert set(found) == {*chance, "mean"} and len(chance) > 1
    for name, shares in chance.items():
        assert found[name]["chance"] == pytest.approx(100 * np.mean(shares, axis=0), abs=1e-4)
        assert found[name]["perfect"][2] >= max(found[name]["answers"][2], 1e-9)
    twice = read_method_runs("two seeds", [shop / "ranks"] * 2)
    assert twice.measures == ["R@1", "R@10", "R@50", "changed", "kept", "both"]
    for name, share in zip(twice.measures[3:], found["mean"]["answers"], strict=True):
        assert twice.means(name) == pytest.approx([share] * 2, abs=0.01)
    assert twice.means("R@10") == pytest.approx([entry["R@10"]] * 2)
    before = twice._replace(categories={
        file: each._replace(shares=(), columns=()) for file, each in twice.categories.items()
    })  # fmt: skip
    assert common_measures([twice, before]) == ["R@1", "R@10", "R@50"]
    nothing = difference(twice, twice, "both")
    assert nothing.mean == nothing.low == nothing.high == 0
    summarize_results.main([to])
    assert f"{shop / 'run/features'}, step 1: first 10 changed" in capsys.readouterr().out
    show_retrieval.main([features, to])
    assert (results / "retrieval_products_val.png").exists()


def test_equal_products_have_equal_labels_in_both_stages(shop):
    config, data = load_config(shop / "run"), shop / "data"
    training = products.read_training(data)
    vocabulary = build_vocabulary(config, training.texts)
    values = {f"{data}/images/{p.image}": p.values for p in products.read_products(data)[0]}
    for examples in (
        examples_by_epoch(config, training, vocabulary)(0), side_text_examples(config, vocabulary)
    ):  # fmt: skip
        assert len(examples) > 80
        assert (
            len({(e.label, values[e.target]) for e in examples})
            == len({e.label for e in examples})
            == len({values[e.target] for e in examples})
        )


def test_a_missing_picture_and_another_table(shop, capsys):
    flags = ["--dataset=products", f"--data_path={shop / 'data'}"]
    assert check_data.main([*flags, "--decode"]) == 0
    first = products.read_training(shop / "data").labelled[0].name
    (shop / "photos" / first).rename(shop / "photos/gone")
    assert check_data.main(flags) == 1
    run = [*TINY, *flags, f"--checkpoint_dir={shop / 'run'}", "--train_length=2"]
    with pytest.raises(InputError, match=f"1 of .* images are missing .first: {first}"):
        train_val.main(run)
    (shop / "photos/gone").rename(shop / "photos" / first)
    table = write_table(
        shop / "other.csv", [[*r[:2], "hat", *r[3:]] for r in small_shop(shop / "b")]
    )
    prepare(shop, table)
    with pytest.raises(InputError, match="prepared anew since; extract and generate"):
        test_val.main([f"--feature_dir={shop / 'run/features'}", f"--results_dir={shop}"])
