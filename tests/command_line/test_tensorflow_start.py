"""TensorFlow starts fast and without a word, and errors still reach the terminal."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

LEVEL, ONEDNN = "TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS"
ROOT = Path(__file__).parents[2]
COMPUTES = "import checkpointing.run, tensorflow as tf; print(int(tf.constant(1) + 1))"
UNCHANGED = """
import os, sys
before = dict(os.environ), list(sys.meta_path)
import command_line.errors, command_line.files, command_line.flags, config
assert (dict(os.environ), sys.meta_path) == before
"""
FAILS = f"""
{COMPUTES}
import gc, sys
assert gc.isenabled() and "matplotlib" not in sys.modules
import matplotlib.pyplot
sys.stderr.write("said")
raise SystemExit(3)
"""
PARENT = f"""
import subprocess, sys
from command_line.errors import run_main
run_main(lambda argv: subprocess.run([sys.executable, "-c", {FAILS!r}]).returncode)
"""


def start(*arguments, **environment):
    """-> (exit code, standard output, standard error) of Python in the repository."""
    inherited = {k: v for k, v in os.environ.items() if k not in (LEVEL, ONEDNN)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300,
        env={**inherited, **environment},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_child_inherits_the_silence_and_writes_nothing_but_its_result_and_its_errors():
    assert start("-c", PARENT) == (3, "2\n", "said")


def test_settings_flags_and_errors_leave_the_process_as_it_is():
    assert start("-c", UNCHANGED) == (0, "", "")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN is switched on on x86 only")
def test_onednn_is_on_and_who_asks_for_the_lines_gets_them():
    assert "oneDNN custom operations are on" in start("-c", COMPUTES, **{LEVEL: "0"})[2]


def test_who_switches_onednn_off_has_it_off():
    assert "oneDNN" not in start("-c", COMPUTES, **{LEVEL: "0", ONEDNN: "0"})[2]


@pytest.mark.parametrize(
    "command", ["extract_features_val.py", "-m checkpointing.convert_published"]
)
def test_a_script_with_a_wrong_flag_writes_one_line(command):
    code, out, err = start(*command.split(), "--nothing=1")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1, err
