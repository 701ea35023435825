"""The table of results: last score wins, means, coverage, and what may stand beside it."""

import json

import pytest

from command_line.errors import InputError
from reports import summarize_results


def entry(subset="", value=50.0, /, **changes):
    sizes = {"dress": (4034, 2628), "shirt": (4075, 3089), "toptee": (3920, 2902), "": (1761, 4658)}
    queries, gallery = sizes[subset]
    recalls = {f"R@{k}": value for k in (1, 5, 10, 50)}
    bounds = {name: [value - 3, value + 3] for name in [*recalls, "mean of R@10 and R@50"]}
    return {
        "dataset": "fashion_iq" if subset else "shoes",
        "subset": subset,
        "protocol": "val",
        "reference": "removed",
        "feature_dir": "features",
        "data_path": "data",
        "step": 7,
        "precision": "float32",
        "queries": queries,
        "all_queries": queries,
        "gallery": gallery,
        "all_gallery": gallery,
        "missing_images": 0,
        **recalls,
        "interval_95": bounds,
        **changes,
    }


def summarize(tmp_path, entries):
    text = "".join(json.dumps(e) + "\n" for e in entries)
    (tmp_path / "results.jsonl").write_text(text)
    summarize_results.main([f"--results_dir={tmp_path}"])
    return (tmp_path / "summary.md").read_text().splitlines()


def test_fashion_iq_mean_and_its_interval(tmp_path):
    values = {"dress": 20.0, "shirt": 30.0, "toptee": 40.0}
    entries = [entry("dress", 99.0)] + [entry(s, v) for s, v in values.items()]
    lines = summarize(tmp_path, entries)
    (row,) = [line for line in lines if line.startswith("| features, step 7 |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "20.00 [17.0, 23.0]"  # not 99: the later score counts
    assert cells[-1] == "30.00 [28.3, 31.7]"  # half-width sqrt(3 * 3**2) / 3 = 1.73
    assert any(line.startswith("| VAL, L_vv (published)") and "33.82" in line for line in lines)


def test_published_rows_only_beside_released_sizes(tmp_path):
    assert any("(published)" in line for line in summarize(tmp_path, [entry()]))
    for changes in ({"all_queries": 100}, {"reference": "kept"}):
        assert not any("(published)" in line for line in summarize(tmp_path, [entry(**changes)]))


def test_incomplete_coverage_is_marked(tmp_path):
    lines = summarize(tmp_path, [entry(missing_images=5, queries=1750, gallery=4653)])
    assert any(line.startswith("| features, step 7 † |") for line in lines)
    assert (
        "† features, step 7: 1750 of 1761 queries, 4653 of 4658 gallery images, 5 images missing"
        in lines
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"dataset": "shoes"},
        entry("dress", subset="hats"),
        entry("dress", interval_95={}),
        entry("dress", interval_95=None),
        entry("dress", **{"R@10": "high"}),
        entry("dress", **{"R@10": None}),
        entry("dress", queries="many"),
    ],
)
def test_what_is_no_evaluation_is_named_by_its_line(tmp_path, bad):
    with pytest.raises(InputError, match="results.jsonl: line 2: not an evaluation"):
        summarize(tmp_path, [entry("dress"), bad])


def test_no_evaluations_are_said(tmp_path):
    with pytest.raises(InputError, match="results.jsonl: no evaluations"):
        summarize(tmp_path, [])
