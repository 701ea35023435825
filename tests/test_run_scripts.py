"""Every stage for real: draw, train, ground truth, extract, test, through the run scripts, as
subprocesses in a copy of the repository with a shallow net."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import extract_features_val
from tests.support import warm_python
from tests.support.shallow import make_copy_shallow, make_shallow

ROOT = Path(__file__).parents[1]
NOT_COPIED = ".venv .git data results save_model pretrain_model index __pycache__ .*_cache".split()
PUBLISHED_LINE = re.compile(
    r"image retrieval: (\w+ )?recall: R@1 = \d+\.\d\d, R@10 = \d+\.\d\d, R@50 = \d+\.\d\d "
)
TINY = ["--preset=demo", "--pretrain_checkpoint_dir=", "--image_size=32", "--batch_size=8",
        "--train_length=3", "--save_length=2", "--eval_length=2", "--print_span=1"]  # fmt: skip

SOONER = ["--composition=image_only", "--levels=low"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return clone(tmp_path_factory.mktemp("clone") / "val")


def clone(folder):
    """The repository as cloned, with this environment and a shallow net -> its folder."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    warm_python.install(sys.prefix, folder / ".venv")
    make_copy_shallow(folder)
    return folder


def call(folder, *command):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=2000)


def succeed(folder, *command):
    done = call(folder, *command)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def draw(folder, dataset):
    succeed(folder, sys.executable, "-m", "demo.generate_demo_data",
            "--data_path=data/demo", f"--dataset={dataset}", "--triplets=20")  # fmt: skip


def scored(folder, dataset, run, missing=0):
    """Checks what a run script left in the log, the result file and the features -> queries and
    gallery of the (first) subset."""
    subsets = ["dress", "shirt", "toptee"] if dataset == "fashion_iq" else [""]
    log = (folder / f"results/results_{dataset}.log").read_text().splitlines()
    published = [line for line in log if PUBLISHED_LINE.fullmatch(line)]
    assert log.count(f"{run}/features") == len(published) == len(subsets)
    lines = (folder / "results/results.jsonl").read_text().splitlines()
    entries = [e for e in map(json.loads, lines) if e["dataset"] == dataset]
    assert [entry["subset"] for entry in entries] == subsets
    assert all(entry["step"] == 3 and entry["missing_images"] == missing for entry in entries)

    features = folder / run / "features" / subsets[0]
    queries = np.load(features / "query_images.npy")
    gallery = np.load(features / "test_images.npy")
    assert queries.dtype == gallery.dtype == np.float32
    levels = np.split(np.concatenate([queries, gallery]), [128, 256], axis=1)
    norms = np.array([np.linalg.norm(level, axis=1) for level in levels])
    assert norms.max() < 1 + 1e-4  # an untrained level may vanish, not all of them
    assert (np.abs(norms - 1) < 1e-4).all(axis=1).any()
    return queries, gallery


def test_fashion_iq_from_drawing_to_scores(copy, monkeypatch):
    draw(copy, "fashion_iq")
    run = "save_model/tiny"
    flags = [*TINY, "--data_path=data/demo/fashion_iq", f"--checkpoint_dir={run}"]
    out = succeed(copy, "bash", "scripts/run_fashion_iq.sh", *flags)
    assert "step 3/3: loss" in out and "step 2: R@1" in out
    first = scored(copy, "fashion_iq", run)
    make_shallow(monkeypatch)
    monkeypatch.chdir(copy)
    extract_features_val.main([f"--checkpoint_dir={run}", f"--feature_dir={run}/again",
                               "--batch_size=5", "--subset=dress"])  # fmt: skip
    for name, features in zip(("query_images.npy", "test_images.npy"), first, strict=True):
        again = np.load(copy / run / "again/dress" / name)
        np.testing.assert_allclose(again, features, atol=1e-5)


def test_fashion200k_from_drawing_to_scores(copy):
    draw(copy, "fashion200k")
    run = "save_model/fashion200k_tiny"
    flags = [*TINY, *SOONER, "--data_path=data/demo/fashion200k", f"--checkpoint_dir={run}"]
    out = succeed(copy, "bash", "scripts/run_fashion200k.sh", *flags)
    assert "step 3/3: loss" in out and "step 2: R@1" in out
    scored(copy, "fashion200k", run)


def test_shoes_of_which_images_are_missing_which_is_refused_or_counted(copy):
    draw(copy, "shoes")
    data, run = "data/demo/shoes", "save_model/shoes_tiny"
    names = (copy / data / "eval_im_names.txt").read_text().split()[:2]
    gone, broken = (next((copy / data).rglob(name)) for name in names)
    gone.unlink()
    broken.write_bytes(b"<html>")
    flags = [*TINY, *SOONER, f"--data_path={data}", f"--checkpoint_dir={run}"]
    done = call(copy, "bash", "scripts/run_shoes.sh", *flags)
    assert done.returncode == 1 and gone.name in done.stderr and "--allow_missing" in done.stderr
    out = succeed(copy, "bash", "scripts/run_shoes.sh", *flags, "--allow_missing=True")
    assert "step 3/3: loss" in out and "step 2: R@1" in out
    assert "1 of" in out and f"images are missing (first: {gone.name})" in out
    assert f"unreadable (first: {data}/" in out and f"{broken.name}: HTML or XML page)" in out
    assert "missing images: 2," in (copy / "results/results_shoes.log").read_text()
    scored(copy, "shoes", run, missing=2)


def test_a_run_without_data_ends_with_2_and_one_message(copy):
    for dataset in ("fashion_iq", "shoes", "fashion200k"):
        done = call(copy, "bash", f"scripts/run_{dataset}.sh")
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
        assert f"data/{dataset}" in done.stderr and "prepare_data.sh" in done.stderr


def test_bad_flags_end_with_2_before_anything_runs(copy):
    for flag in ("--unknown=1", "--batch_size=0", "--batch_size"):
        done = call(copy, "bash", "scripts/run_shoes.sh", flag)
        assert done.returncode == 2
        assert flag.split("=")[0] in done.stderr
    assert call(copy, "bash", "scripts/run_demo.sh", "nothing").returncode == 2
    assert call(copy, "bash", "scripts/setup.sh", "--nothing").returncode == 2
