"""Flags, presets and config.json."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from command_line.errors import InputError
from config import GROUPS, PRESETS, Config, load_config, make_config, parse_config, save_config

ROOT = Path(__file__).parents[1]


def test_a_preset_fills_every_setting_and_later_flags_override():
    config = parse_config(
        ["--preset=fashion200k", "--batch_size=8", "--checkpoint_dir=x", "--preset=demo",
         "--margin=0.3"], "",
    )  # fmt: skip
    assert (config.dataset, config.checkpoint_dir) == ("fashion200k", "x")  # what and where stay
    assert (config.image_model, config.image_size) == ("mobilenet_v1_025", 96)
    assert (config.batch_size, config.decay_at, config.margin) == (32, 0, 0.3)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_valid_and_name_known_settings(preset):
    config = parse_config([f"--preset={preset}"], "")
    assert config.data_path == f"data/{config.dataset}"
    assert set(PRESETS[preset]) <= {field.name for field in dataclasses.fields(Config)}


def test_stage_1_without_a_slash_lies_within_the_run_and_has_none_before_it():
    flags = ["--preset=products", "--checkpoint_dir=a/b"]
    assert parse_config(flags, "").stage1_folder == "a/b/stage1"
    assert parse_config([*flags, "--checkpoint_dir_stage1=c/d"], "").stage1_folder == "c/d"
    assert parse_config([*flags, "--stage=visual_semantic"], "").stage1_folder == ""


def test_the_rate_follows_the_quirk():
    assert make_config().init_learning_rate == 6.3e-5
    assert make_config(as_published=True).init_learning_rate == 2e-4
    assert make_config(as_published=True, init_learning_rate=0.1).init_learning_rate == 0.1


@pytest.mark.parametrize(
    "flag", ["--batch_size=1", "--margin=-1", "--margin=nan", "--loss=x", "--dropout=1",
             "--crop_from=100", "--image_size=8", "--seed=4294967296", "--batch_size 8", "-h",
             "train"],
)  # fmt: skip
def test_bad_flags_are_named(flag):
    with pytest.raises(InputError) as error:
        parse_config(flag.split(" "), "")
    assert flag.split("=")[0].split(" ")[0] in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--batchsize=4", "--batchsize: no such flag; nearest: --batch_size"),
        ("--qqqq=4", "--qqqq: no such flag"),
        ("--augmentation=yes", "--augmentation: 'yes' is not True or False"),
        ("--batch_size=x", "--batch_size: invalid int value: 'x'"),
    ],
)
def test_a_wrong_flag_is_one_line_with_the_nearest_name(flag, message):
    command = [sys.executable, "-m", "datasets.check_settings", flag]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr, run.stdout) == (2, f"error: {message}\n", "")


def test_help_says_what_each_setting_is_in_groups(capsys):
    with pytest.raises(SystemExit):
        parse_config(["--help"], "about")
    text = " ".join(capsys.readouterr().out.split())
    for field in dataclasses.fields(Config):
        assert f"--{field.name}" in text and field.metadata["help"] in text
        assert f"(default {field.default!r})" in text
    places = [text.index(f" {title}:") for title in GROUPS.values()]
    assert len(places) == 5 and places == sorted(places)


def test_round_trip(tmp_path):
    config = make_config(checkpoint_dir=str(tmp_path), margin=0.25, augmentation=False)
    save_config(config)
    assert load_config(tmp_path) == config


def test_bad_config_files_are_named(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(InputError, match="config.json: not found"):
        load_config(tmp_path)
    path.write_text("{")
    with pytest.raises(InputError, match="config.json: not readable"):
        load_config(tmp_path)
    for content, message in [
        ("5", "holds a int, not settings"),
        ('{"batch_size": "32"}', "batch_size: '32' is no int"),
        ('{"as_published": "False"}', "as_published: 'False' is no bool"),
        ('{"image_size": null}', "image_size: None is no int"),
    ]:
        path.write_text(content)
        with pytest.raises(InputError, match=f"config.json: {message}"):
            load_config(tmp_path)
    path.write_text('{"margin": 1}')
    assert load_config(tmp_path).margin == 1
    path.write_text(json.dumps({"magin": 1}))
    with pytest.raises(InputError, match="magin"):
        load_config(tmp_path)
