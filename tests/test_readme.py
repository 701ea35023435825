"""The commands of README.md as printed, in a copy of the repository where a small run and drawings
lie in the places that the demo fills."""

import re
import subprocess
from pathlib import Path

import pytest

import extract_features_val
import test_val
from tests.support.shallow import make_shallow
from tests.support.small_catalogue import write_picture
from tests.support.small_run import write_run
from tests.test_run_scripts import ROOT, call, copy, draw, succeed  # noqa: F401

PICTURE = "data/demo/fashion_iq/image_data/dress/DEMOD00704.jpg"
# Run elsewhere, for they take minutes, a port, or data that is nowhere: tests/test_run_scripts.py,
# test_setup.py, datasets/test_prepare_data.py, catalogue/test_run_search.py, comparison/.
ELSEWHERE = {
    "run_demo.sh", "run_tests.sh", "run_search.sh", "prepare_data.sh",
    "run_fashion_iq.sh", "run_comparison.sh", "run_products.sh",
}  # fmt: skip


def commands(text):
    """Indented lines of a Markdown text, continued ones joined, comments cut off."""
    lines = re.sub(r"\\\n", " ", text).split("\n")
    return [re.sub(r"\s+#.*", "", line).strip() for line in lines if line.startswith("    ")]


README = (ROOT / "README.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = commands(re.sub(r"```.*?```", "", README, flags=re.DOTALL))
HELP = re.findall(r"`(\.venv/bin/python [^`]* --help)`", README)
OURS = [command for command in COMMANDS if not command.startswith("bash ")]


@pytest.fixture(scope="module")
def demo(copy):  # noqa: F811
    """Where the demo was, but small: drawings, a run, its features and scores."""
    draw(copy, "fashion_iq")
    run = "save_model/demo/fashion_iq_val"
    write_picture(copy / PICTURE, 0)
    with pytest.MonkeyPatch.context() as patch:
        make_shallow(patch)
        patch.chdir(copy)
        write_run(run, dataset="fashion_iq", data_path="data/demo/fashion_iq", levels="high")
        extract_features_val.main([f"--checkpoint_dir={run}"])
        test_val.main([f"--feature_dir={run}/features"])
    return copy


def test_every_command_is_of_a_known_kind():
    scripts = [command.split()[1] for command in COMMANDS if command.startswith("bash ")]
    assert {Path(script).name for script in scripts} == ELSEWHERE
    assert all((ROOT / script).is_file() for script in scripts)
    assert len(OURS) >= 5 and len(PYTHON) == 1 and len(HELP) >= 2
    assert all(command.startswith(".venv/bin/python ") for command in OURS)


def test_commands_run_as_printed(demo):
    for command in OURS:
        succeed(demo, "bash", "-c", command)
    said = succeed(demo, ".venv/bin/python", "-c", PYTHON[0])
    assert len(said.splitlines()) == 5
    assert (demo / "exports/demo/query.onnx").exists()


@pytest.mark.parametrize("command", HELP)
def test_help_that_is_named_is_there(command):
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "usage" in done.stdout
