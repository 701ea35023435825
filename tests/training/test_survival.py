"""Runs that are killed, stopped, damaged or out of disk; survival.py has more kills."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import survival
from tests.survival import command, digest, draw, end_once, finish
from tests.test_run_scripts import clone


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Of runs in a copy of the repository with a shallow net."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survival, "ROOT", clone(tmp_path_factory.mktemp("clone") / "val"))
        patch.setattr(survival, "FLAGS", [*survival.FLAGS, "--composition=sum"])  # sooner traced
        yield draw(tmp_path_factory.mktemp("data"))


def small_files_only():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_stopped_refused_killed_and_damaged_runs_end_as_an_uninterrupted_one(
    data, tmp_path, monkeypatch
):
    whole, broken = str(tmp_path / "whole"), str(tmp_path / "broken")
    finish(data, whole)  # by a Python of its own, those after it mostly by forks
    monkeypatch.setattr(survival, "PYTHON", survival.ROOT / ".venv/bin/python")

    out = end_once(command(data, broken), survival.ROOT, 1, signal.SIGTERM)
    assert "error: stopped by SIGTERM after step" in out and "the same command goes on" in out
    assert "Traceback" not in out

    done = subprocess.run(
        [sys.executable, *command(data, broken)[1:]], cwd=survival.ROOT, capture_output=True,
        text=True, preexec_fn=small_files_only,
    )  # fmt: skip
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and last.startswith(f"error: {broken}: checkpoint of step ")
    assert " not saved (File too large)" in last and "Traceback" not in done.stderr

    assert "going on from" in end_once(command(data, broken), survival.ROOT, 0.5)

    paths = sorted(Path(broken).glob("model.ckpt-*.data-*"), key=lambda p: p.stat().st_mtime)
    content = bytearray(paths[-1].read_bytes())
    content[len(content) // 2] ^= 1
    paths[-1].write_bytes(content)
    (Path(broken) / "model.ckpt-99_temp").mkdir()
    out = finish(data, broken)
    assert f"{paths[-1].name.split('.data')[0]}: does not restore" in out
    assert "taking the checkpoint before it" in out
    assert not (Path(broken) / "model.ckpt-99_temp").exists()
    assert digest(broken) == digest(whole)
    best = sorted(path.name for path in Path(whole, "best").glob("*.index"))
    assert best == sorted(path.name for path in Path(broken, "best").glob("*.index")) != []
