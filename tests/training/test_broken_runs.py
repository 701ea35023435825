"""A picture that turns out broken in training; two trainings in one folder."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checkpointing.run import prepare_run
from command_line.errors import InputError
from command_line.files import lock_folder
from tests.support.small_training import VOCABULARY, tiny
from tests.survival import ROOT, command, digest, draw
from training.loop import train

HELD = (
    "from command_line.files import lock_folder; held = lock_folder({!r}); "
    "print('ok', flush=True); {}"
)


@pytest.mark.usefixtures("shallow")
def test_what_was_trained_before_a_broken_picture_is_saved(examples, tmp_path):
    """One of training, of the second epoch alone, then one of validation; both are mended."""
    whole_picture, later = Path(examples[-1].target), tmp_path / "later.png"
    of_second = [*examples[:-1], examples[-1]._replace(target=str(later))]
    refusing, scores = [], {"R@1": 1.0, "R@10": 2.0, "R@50": 3.0}

    def validation(model):
        if refusing:
            raise InputError(refusing.pop())
        return scores

    def finish(name):
        settings = dict(save_length=100, eval_length=3, composition="image_only", levels="low")
        config = tiny(tmp_path / name, **settings)
        prepare_run(config, VOCABULARY)
        train(config, lambda epoch: of_second if epoch else examples, VOCABULARY, validation)

    later.write_bytes(b"<html>")
    with pytest.raises(InputError, match=f"^{later}: not a readable .*after step 2, saved; the"):
        finish("mended")
    shutil.copy(whole_picture, later)
    refusing.append("x.jpg: not readable")
    with pytest.raises(InputError, match="^x.jpg: not readable; stopped after step 3, saved; the"):
        finish("mended")
    finish("mended")
    finish("whole")
    assert digest(tmp_path / "mended", 4) == digest(tmp_path / "whole", 4)


def test_a_second_training_in_a_folder_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path):
    data, folder = draw(tmp_path / "data"), tmp_path / "run"
    dead = HELD.format(str(folder), "import os; os.kill(os.getpid(), 9)")
    assert subprocess.run([sys.executable, "-c", dead], cwd=ROOT).returncode == -9
    first = subprocess.Popen(command(data, folder, 1000), cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while not (folder / "config.json").exists():
            assert first.poll() is None
            time.sleep(0.1)
        before = (folder / "config.json").read_bytes()
        second = subprocess.run(
            [*command(data, folder, 1000), "--margin=0.3"], cwd=ROOT, capture_output=True, text=True
        )
    finally:
        first.terminate()
    assert first.wait() == 143
    said = f"error: {folder}: another process is writing there"
    assert second.returncode == 1 and second.stderr.startswith(said), second.stderr
    assert (folder / "config.json").read_bytes() == before


def test_a_claim_names_the_folder_waits_if_told_and_ends_with_its_holder(tmp_path, capsys):
    folder = tmp_path / "a" / "b"
    held = subprocess.Popen(
        [sys.executable, "-c", HELD.format(str(folder), "import time; time.sleep(100)")],
        cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert held.stdout.readline() == b"ok\n"
    with pytest.raises(InputError, match=f"^{folder}: another process is writing there"):
        lock_folder(folder)
    subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {held.pid}"])
    lock_folder(folder, wait=True).close()
    assert capsys.readouterr().out == f"waiting for another process that works in {folder}\n"
    held.communicate()
