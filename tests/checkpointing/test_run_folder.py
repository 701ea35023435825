"""Which checkpoint a run's folder gives, and whose run it holds."""

import pytest

from checkpointing.run import prepare_run
from checkpointing.run_folder import checkpoint_path
from command_line.errors import InputError
from config import load_config, make_config
from datasets.vocabulary import Vocabulary
from training.stages import run_training

VOCABULARY = Vocabulary.build(["red"])


def test_a_checkpoint_by_name(tmp_path, monkeypatch):
    for folder, step in (("run", 3), ("run", 12), ("run/best", 7), ("b", 3)):
        path = tmp_path / folder / f"model.ckpt-{step}.index"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    run = tmp_path / "run"
    assert checkpoint_path(run) == f"{run}/model.ckpt-12"
    assert checkpoint_path(run, "model.ckpt-3") == f"{run}/model.ckpt-3"
    assert checkpoint_path(run, "best/model.ckpt-7") == f"{run}/best/model.ckpt-7"
    assert checkpoint_path(run, f"{run}/best/model.ckpt-7") == f"{run}/best/model.ckpt-7"
    monkeypatch.chdir(tmp_path)
    assert checkpoint_path("run", "run/model.ckpt-3") == "run/model.ckpt-3"
    for wrong, message in [
        (f"{tmp_path}/b/model.ckpt-3", "not in run"),
        ("../b/model.ckpt-3", "not in run"),
        ("b/model.ckpt-3", "run/b/model.ckpt-3.index not found"),
        ("best", "not <name>-<step>"),
    ]:
        with pytest.raises(InputError, match=message):
            checkpoint_path("run", wrong)


def test_a_run_that_ended_before_its_first_checkpoint_holds_no_settings(tmp_path):
    prepare_run(make_config(checkpoint_dir=str(tmp_path), margin=0.3), VOCABULARY)
    prepare_run(make_config(checkpoint_dir=str(tmp_path), margin=0.4), Vocabulary.build(["blue"]))
    assert load_config(tmp_path).margin == 0.4
    (tmp_path / "model.ckpt-1.index").touch()
    with pytest.raises(InputError, match="margin 0.4, now 0.3.*the words of the training captions"):
        prepare_run(make_config(checkpoint_dir=str(tmp_path), margin=0.3), VOCABULARY)
    again = make_config(checkpoint_dir=str(tmp_path), margin=0.4, allow_missing=True)
    prepare_run(again, Vocabulary.build(["blue"]))
    assert load_config(tmp_path).allow_missing


def test_the_two_stages_need_two_folders(tmp_path):
    config = make_config(checkpoint_dir=f"{tmp_path}/a", checkpoint_dir_stage1=f"{tmp_path}/b/../a")
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match="the run's own folder"):
        run_training(config, VOCABULARY, None)
