"""A tiny trained run, exported as users do."""

import json

import pytest

import export_model
from tests.support.shallow import always_shallow, shallow_net  # noqa: F401
from tests.support.small_run import write_run

SCORE = {
    "subset": "", "protocol": "val", "reference": "removed", "data_path": "data/shoes",
    "precision": "float32", "queries": 90, "all_queries": 100, "gallery": 1234,
    "all_gallery": 1235, "missing_images": 7, "ties": 0, "R@1": 12.3, "R@5": 20.0, "R@10": 30.0,
    "R@50": 60.0, "versions": {}, "time": "2100-01-01T00:00:00Z",
    "interval_95": {"R@1": [11.0, 13.0], "R@10": [29.0, 31.0], "R@50": [59.0, 61.0]},
}  # fmt: skip


def flags_for(run, target, results, *more):
    return [f"--checkpoint_dir={run}", f"--export_dir={target}", f"--results_dir={results}", *more]


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    with shallow_net():
        write_run(folder, levels="mid,high")
    return folder


@pytest.fixture(scope="session")
def results(tmp_path_factory, run):
    """Scores of the run's checkpoint: one, one it has had before, one older than the checkpoint,
    and one of another checkpoint."""
    folder = tmp_path_factory.mktemp("results")
    own = {**SCORE, "checkpoint": f"{run}/model.ckpt-7"}
    entries = [
        {**own, "R@1": 1.0},
        own,
        {**own, "time": "2001-01-01T00:00:00Z", "R@1": 2.0},
        {**own, "checkpoint": f"{run}/model.ckpt-8", "R@1": 3.0},
    ]
    (folder / "results.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries))
    return folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory, run, results):
    folder = tmp_path_factory.mktemp("exports") / "small"
    with shallow_net():
        export_model.main(flags_for(run, folder, results))
    return folder
