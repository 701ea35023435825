"""Ground truth: who is correct for whom, and the files it is kept in."""

import errno
import json

import numpy as np
import pytest
import scipy.sparse

import generate_groundtruth
from command_line.errors import InputError
from evaluation.groundtruth import (
    GroundTruth,
    build_groundtruth,
    groundtruth_path,
    load_groundtruth,
    save_groundtruth,
)
from generate_groundtruth import main
from tests.support.small_data import FASHION_IQ, real, small_fashion200k, small_fashion_iq


def test_one_target(tmp_path):
    truth = build_groundtruth("fashion_iq", small_fashion_iq(tmp_path), "dress", "val")
    assert truth.gallery == ["DV00000000", "DV00000001", "DV00000002"]
    assert truth.correct.toarray().tolist() == [[False, True, False]] * 3
    assert truth.references.tolist() == [0, 2, 2]
    assert truth.query_references == ["DV00000000", "DV00000002", "DV00000002"]
    assert truth.captions == ["is red", "a; b", "é"]


def test_same_caption_is_correct(tmp_path):
    truth = build_groundtruth("fashion200k", small_fashion200k(tmp_path))
    assert truth.correct.toarray().tolist() == [[False, True, True]]
    assert truth.references.tolist() == [0]


def test_commands(tmp_path, capsys):
    root = small_fashion_iq(tmp_path / "data")
    main(["--dataset=fashion_iq", f"--data_path={root}"])
    files = sorted(path.name for path in root.glob("*.npz*"))
    assert len(files) == 6 and "groundtruth_shirt_original.npz" in files
    written = groundtruth_path(root, "toptee", "original")
    built = build_groundtruth("fashion_iq", root, "toptee", "original")
    loaded = load_groundtruth(written)
    assert (loaded.correct != built.correct).nnz == 0
    assert loaded.correct.dtype == bool and loaded.references.dtype == np.int64
    assert loaded.references.tolist() == built.references.tolist() and loaded[2:] == built[2:]
    written.unlink()
    (tmp_path / "config.json").write_text(
        json.dumps({"dataset": "fashion_iq", "data_path": str(root)})
    )
    main([f"--checkpoint_dir={tmp_path}"])
    assert written.exists() and "2 queries, 6 gallery images" in capsys.readouterr().out


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="no captions") as error:
        main(["--dataset=fashion_iq", f"--data_path={tmp_path}"])
    assert error.value.exit_code == 2
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match='config.json .*no key "dataset"'):
        main([f"--checkpoint_dir={tmp_path}"])
    truth = build_groundtruth("fashion200k", small_fashion200k(tmp_path))
    save_groundtruth(tmp_path / "x.npz", truth)
    whole = (tmp_path / "x.npz").read_bytes()
    damaged = [b"", whole[:200], whole[:-10], whole.replace(b"texts", b"textz"), b"\x80\x04N."]
    middle = whole.index(b"texts.npy") + 100
    damaged.append(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    for content in damaged:
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(InputError, match="x.npz: not a ground truth"):
            load_groundtruth(tmp_path / "x.npz")


def test_read_only_data(tmp_path, monkeypatch, capsys):
    def refuse(path, truth):
        raise OSError(errno.EROFS, "Read-only file system")

    root = small_fashion200k(tmp_path)
    flags = ["--dataset=fashion200k", f"--data_path={root}"]
    path = groundtruth_path(root)
    with monkeypatch.context() as patched:
        patched.setattr(generate_groundtruth, "save_groundtruth", refuse)
        main(flags)
    assert "not written (Read-only file system), test_val.py makes it" in capsys.readouterr().out
    main(flags)
    monkeypatch.setattr(generate_groundtruth, "save_groundtruth", refuse)
    main(flags)
    assert "gallery images; there already (Read-only" in capsys.readouterr().out
    truth = load_groundtruth(path)
    for other in (
        truth._replace(captions=["another"]),
        truth._replace(correct=truth.correct[:, [0, 1, 0]]),
    ):
        save_groundtruth(path, other)
        with pytest.raises(InputError, match="of other data, can't be written: Read-only"):
            main(flags)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"indices": np.array([10**6, 1], np.int32)}, ""),
        ({"indices": np.array([-3, 1], np.int32)}, ""),
        ({"row_ends": np.array([0, 2, 1], np.int32)}, ""),
        ({"references": np.array([0])}, "references"),
        ({"references": np.array([0, 2])}, "references"),
        ({"references": np.array([-2, 0])}, "references"),
        ({"references": np.array([0.0, 1.0])}, "references"),
    ],
)
def test_indices_out_of_range_are_refused(tmp_path, changes, message):
    """scipy would read beyond its arrays, which ended in a segmentation fault."""
    path = tmp_path / "x.npz"
    correct = scipy.sparse.csr_array(np.eye(2, dtype=bool))
    save_groundtruth(path, GroundTruth(correct, np.array([1, 0]), ["a", "b"], ["", ""], ["a", "b"]))
    load_groundtruth(path)
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, **changes})
    with pytest.raises(InputError, match=f"x.npz: not a ground truth.*{message}"):
        load_groundtruth(path)


@real
def test_real_files_are_small(tmp_path):
    truth = build_groundtruth("fashion_iq", FASHION_IQ, "shirt", "val")
    assert truth.correct.shape == (4075, 3089) and truth.correct.nnz == 4075
    assert (truth.references >= 0).all()
    save_groundtruth(tmp_path / "x.npz", truth)
    assert (tmp_path / "x.npz").stat().st_size < 200_000
