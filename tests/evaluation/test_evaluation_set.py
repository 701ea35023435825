"""Features of a folder meet the ground truth of a protocol: read once, made where it is missing."""

import pytest

import test_val
from command_line.errors import InputError
from evaluation import evaluation_set, features
from evaluation.groundtruth import build_groundtruth, groundtruth_path, save_groundtruth
from evaluation.ranking import rank_correct
from tests.support.small_data import small_fashion_iq
from tests.support.small_features import write_features


def score(folder, *flags):
    """-> lines of the log, of all scores so far."""
    test_val.main([f"--feature_dir={folder}/features", f"--results_dir={folder}", *flags])
    return (folder / "results_fashion_iq.log").read_text().splitlines()


@pytest.fixture
def dress(tmp_path):
    """Features of both protocols of a category of FashionIQ; no ground truth is written."""
    root = small_fashion_iq(tmp_path / "data")
    truths = {p: build_groundtruth("fashion_iq", root, "dress", p) for p in ("val", "original")}
    metadata = {"dataset": "fashion_iq", "subset": "dress", "data_path": str(root)}
    write_features(tmp_path / "features", truths, **metadata)
    return tmp_path, truths["val"], groundtruth_path(root, "dress", "val")


def test_a_ground_truth_that_is_not_there_is_made_in_memory(dress, capsys):
    folder, truth, path = dress
    log = score(folder)
    assert capsys.readouterr().out.startswith(f"{path}: not there; the ground truth is made in mem")
    assert not path.exists()
    save_groundtruth(path, truth)
    assert score(folder) == 2 * log
    assert "not there" not in capsys.readouterr().out
    with pytest.raises(InputError, match="nowhere: no captions/.*prepare it with"):
        score(folder, f"--data_path={folder}/nowhere")


def test_features_are_read_and_ranked_once(dress, monkeypatch):
    """Whatever is asked of them: both protocols, ranks, a TREC run."""
    asked = []

    def counted(function):
        return lambda path, *rest, **more: asked.append(str(path)) or function(path, *rest, **more)

    for name in ("read_json", "read_array", "read_lines", "read_records"):
        monkeypatch.setattr(features, name, counted(getattr(features, name)))
    monkeypatch.setattr(evaluation_set, "rank_correct", counted(rank_correct))
    folder = dress[0]
    score(folder, "--protocol=both", f"--save_ranks={folder}", f"--save_trec={folder}")
    read = sorted(path for path in asked if path.startswith(str(folder)))
    assert read == sorted(map(str, (folder / "features").iterdir()))
    assert len(asked) == len(read) + 2
