"""From feature files to log lines: coverage, protocols, and files that are not features."""

import json
import re

import numpy as np
import pytest
import scipy.sparse

import test_val
from command_line.errors import InputError
from evaluation.evaluation_set import evaluation_sets
from evaluation.features import find_features
from evaluation.groundtruth import (
    GroundTruth,
    build_groundtruth,
    groundtruth_path,
    load_groundtruth,
    save_groundtruth,
)
from evaluation.recall import recall_at_k
from tests.support.small_data import FASHION_IQ, real
from tests.support.small_features import shoes_truth, write_features

READER = re.compile(
    r"^image retrieval: (?:(\w+) )?recall: R@1 = ([\d.]+), R@10 = ([\d.]+), R@50 = ([\d.]+) $"
)


def write_shoes(root, truth, **how):
    """Ground truth and features of a small Shoes."""
    save_groundtruth(groundtruth_path(root), truth)
    write_features(root / "features", {"val": truth}, data_path=str(root), **how)
    return root


@pytest.fixture
def root(tmp_path):
    return write_shoes(tmp_path, shoes_truth())


def evaluate(root, *flags):
    test_val.main([f"--feature_dir={root}/features", f"--results_dir={root}/results", *flags])
    log = next((root / "results").glob("*.log")).read_text().split("\n")
    results = (root / "results" / "results.jsonl").read_text().splitlines()
    return log, [json.loads(line) for line in results]


def test_log_and_jsonl_of_perfect_features(root):
    np.save(root / "features" / "test_images.npy", np.eye(5, dtype=np.float32))
    perfect = np.eye(5, dtype=np.float32)[[0, 1, 2, 3, 4, 2]]  # the last one is wrong, and ties
    np.save(root / "features" / "query_images.npy", perfect)
    log, results = evaluate(root)
    evaluate(root)
    assert log[0] == str(root / "features")
    assert log[1] == "image retrieval: recall: R@1 = 83.33, R@10 = 100.00, R@50 = 100.00 "
    assert log[2] == (
        "protocol: val, reference: removed, queries: 6 of 6, gallery: 5 of 5, "
        "missing images: 0, ties: 1"
    )
    assert len((root / "results" / "results_shoes.log").read_text().splitlines()) == 6
    assert results[0]["R@1"] == pytest.approx(83.3333) and results[0]["median_rank"] == 1
    assert (results[0]["step"], results[0]["checkpoint"]) == (7, "c-7")


def test_saved_ranks_say_what_the_score_says(root):
    truth, folder = shoes_truth(), root / "ranks"
    _, (result,) = evaluate(root, f"--save_ranks={folder}", f"--save_trec={folder}")
    lines = (folder / "ranks_shoes_val.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [r["caption"] for r in records] == truth.captions
    assert np.mean([r["rank"] <= 1 for r in records]) * 100 == pytest.approx(result["R@1"], abs=0.1)
    for i, record in enumerate(records):
        names = [name for name, _ in record["top"]]
        assert sorted([*names, record["reference"]]) == truth.gallery  # all but the reference
        assert names.index(f"img_womens_boots_{i % 5}.jpg") + 1 == record["rank"]
        distances = [distance for _, distance in record["top"]]
        assert distances == sorted(distances)
    run = [line.split() for line in (folder / "shoes_val.run").read_text().splitlines()]
    assert len(run) == 24 and run[0][:4] == ["shoes_val-0", "Q0", records[0]["top"][0][0], "1"]
    qrels = (folder / "shoes_val.qrels").read_text().splitlines()
    assert qrels[5] == "shoes_val-5 0 img_womens_boots_0.jpg 1"


def test_missing_images_are_counted_and_said_and_other_data_refused(tmp_path):
    # Image 0 is the target of queries 0 and 5 and the reference of query 4.
    root = write_shoes(tmp_path, shoes_truth(), missing=["img_womens_boots_0.jpg"])
    log, (result,) = evaluate(root)
    assert "queries: 3 of 6, gallery: 4 of 5, missing images: 1" in log[2]
    assert (result["queries_left_out"], result["missing_images"]) == (3, 1)
    about = json.loads((root / "features" / "features.json").read_text())
    (root / "features" / "features.json").write_text(json.dumps({**about, "missing_images": 0}))
    with pytest.raises(InputError, match="made from other data"):
        evaluate(root)


def test_rows_tell_queries_apart_that_have_the_same_words(tmp_path):
    """Two queries alike in reference and caption, with other targets, stored in reversed order."""
    truth = shoes_truth()
    truth.captions[5], truth.query_references[5] = truth.captions[0], truth.query_references[0]
    correct = truth.correct.toarray()
    correct[5] = correct[3]
    truth = truth._replace(correct=scipy.sparse.csr_array(correct))
    root = write_shoes(tmp_path, truth)
    path = root / "features" / "queries.jsonl"
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    np.save(root / "features" / "test_images.npy", np.eye(5, dtype=np.float32))
    targets = [int(truth.correct_of(i)[0]) for i in range(6)]
    perfect = np.eye(5, dtype=np.float32)[targets[::-1]]
    np.save(root / "features" / "query_images.npy", perfect)
    assert evaluate(root)[1][0]["R@1"] == 100


@pytest.mark.parametrize("change", [{"row": 1}, {"row": 6}, {"row": -1}, {"caption": "other"}])
def test_rows_that_are_not_their_text_are_refused(root, change):
    path = root / "features" / "queries.jsonl"
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), **change}), *others, ""]))
    with pytest.raises(InputError, match="made from other data .* 1 queries unknown there"):
        evaluate(root)


@pytest.mark.parametrize("name", ["query_images.npy", "test_images.npy"])
@pytest.mark.parametrize(
    "what, message",
    [
        ("nan", "row 3 .* NaN"),
        ("infinite", "row 3 .* infinite"),
        ("zero", "row 3 .* zeros"),
        ("float64", "dtype float64"),
        ("wide", "dimensions"),
        ("flat", "shape"),
        ("short", "rows, but .* lines"),
        ("truncated", "cut short"),
        ("pickled array", "pickled"),
        ("pickle", "not a .npy file"),
        ("empty", "not a .npy file"),
        ("gone", "not there"),
    ],
)
def test_garbage_features_are_refused_by_name(root, name, what, message):
    path = root / "features" / name
    array = np.load(path)
    if what in ("nan", "infinite", "zero"):
        array[3] = {"nan": np.nan, "infinite": np.inf, "zero": 0}[what]
    changed = {
        "float64": array.astype(np.float64),
        "wide": np.hstack([array, array]),
        "flat": array.ravel(),
        "short": array[:-1],
        "pickled array": array.astype(object),
    }
    np.save(path, changed.get(what, array))
    if what == "truncated":
        path.write_bytes(path.read_bytes()[:-5])
    elif what in ("pickle", "empty"):
        path.write_bytes(array.dumps() if what == "pickle" else b"")
    elif what == "gone":
        path.unlink()
    with pytest.raises(InputError, match=message) as error:
        evaluate(root)
    assert name in str(error.value)
    assert not (root / "results").exists()


def test_collapsed_features_are_told_so(root, capsys):
    for name, rows in (("query_images.npy", 6), ("test_images.npy", 5)):
        np.save(root / "features" / name, np.ones((rows, 4), np.float32))
    evaluate(root)
    assert "warning: 6 of 6 queries tie" in capsys.readouterr().out


def test_unknown_protocol_and_subset_are_refused(root):
    with pytest.raises(InputError, match="--protocol=original: shoes has only val"):
        evaluate(root, "--protocol=original")
    with pytest.raises(InputError, match="--subset=dress"):
        evaluate(root, "--subset=dress")


def test_categories_of_different_checkpoints_have_no_mean(tmp_path, capsys):
    """One category extracted again later, and one not extracted yet."""
    truth = shoes_truth()
    for subset, step in (("dress", 7), ("shirt", 9)):
        save_groundtruth(groundtruth_path(tmp_path, subset, "val"), truth)
        about = {"dataset": "fashion_iq", "subset": subset, "step": step, "checkpoint": f"c-{step}"}
        folder = tmp_path / "features" / subset
        write_features(folder, {"val": truth}, data_path=str(tmp_path), **about)
    with pytest.raises(InputError, match=r"one step \(dress 7, shirt 9\).*--subset"):
        evaluate(tmp_path)
    assert not (tmp_path / "results").exists()
    evaluate(tmp_path, "--subset=dress")
    assert "no features of" not in capsys.readouterr().out
    path = tmp_path / "features" / "shirt" / "features.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "step": 7, "checkpoint": "c-7", "precision": "bfloat16"}))
    with pytest.raises(InputError, match=r"one precision \(dress float32, shirt bfloat16\)"):
        evaluate(tmp_path)
    path.write_text(json.dumps({**about, "step": 7, "checkpoint": "c-7"}))
    evaluate(tmp_path)
    said = capsys.readouterr().out
    assert "no features of toptee: no mean over categories" in said and "\nmean over" not in said


def test_ranks_of_a_gallery_that_holds_the_reference_alone(tmp_path):
    name = "img_womens_boots_0.jpg"
    correct = scipy.sparse.csr_array(np.ones((1, 1), bool))
    truth = GroundTruth(correct, np.array([0]), [name], ["red"], [name])
    write_shoes(tmp_path, truth)
    evaluate(tmp_path, f"--save_ranks={tmp_path}", f"--save_trec={tmp_path}")
    (line,) = (tmp_path / "ranks_shoes_val.jsonl").read_text().splitlines()
    assert json.loads(line)["rank"] is None and json.loads(line)["top"] == []


@real
def test_both_protocols_of_the_real_fashion_iq(tmp_path, capsys):
    counts = {
        ("dress", "val"): (4034, 2628),
        ("dress", "original"): (2017, 3817),
        ("shirt", "val"): (4075, 3089),
        ("shirt", "original"): (2038, 6346),
        ("toptee", "val"): (3920, 2902),
        ("toptee", "original"): (1961, 5373),
    }
    for subset in ("dress", "shirt", "toptee"):
        truths = {}
        for protocol in ("val", "original"):
            truths[protocol] = build_groundtruth("fashion_iq", FASHION_IQ, subset, protocol)
            gallery = truths[protocol].gallery
            assert gallery == sorted(set(gallery))
            save_groundtruth(groundtruth_path(tmp_path, subset, protocol), truths[protocol])
        about = {"dataset": "fashion_iq", "subset": subset, "data_path": str(tmp_path)}
        write_features(tmp_path / "features" / subset, truths, **about)
    log, results = evaluate(tmp_path, "--protocol=both")
    found = {(r["subset"], r["protocol"]): (r["queries"], r["gallery"]) for r in results}
    assert found == counts
    assert [READER.match(line).group(1) for line in log[1::3]] == [key[0] for key in counts]
    means = [line for line in capsys.readouterr().out.splitlines() if line.startswith("mean over")]
    assert len(means) == 2
    ten = np.mean([r["R@10"] for r in results if r["protocol"] == "val"])
    assert f"R@10 = {ten:.2f}" in means[0]
    # The numbers of one evaluation, by sorting all distances.
    truth = load_groundtruth(groundtruth_path(tmp_path, "dress", "val"))
    queries = np.load(tmp_path / "features" / "dress" / "query_images.npy")[:300].astype(float)
    images = np.load(tmp_path / "features" / "dress" / "test_images.npy").astype(float)
    names = (tmp_path / "features" / "dress" / "test_images.txt").read_text().split()
    images = images[[i for i, name in enumerate(names) if name in set(truth.gallery)]]
    far = ((queries[:, None] - images) ** 2).sum(axis=2)
    far[np.arange(300), truth.references[:300]] = np.inf
    places = far.argsort(axis=1).argsort(axis=1)
    expected = places[truth.correct[:300].toarray()]
    dress = next(evaluation_sets(find_features(tmp_path / "features", "dress")))
    ranking = dress.rank()
    np.testing.assert_array_equal(ranking.ranks[:300], expected)
    assert recall_at_k(ranking.ranks, 50) == pytest.approx(results[0]["R@50"], abs=1e-4)
