"""How a script ends."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import time
import numpy as np
import tensorflow as tf
from command_line.errors import InputError, run_main
from datasets.images import iterate

def load(row):
    time.sleep(0.2)
    return np.float32(row)

def main(argv):
    rows = tf.data.Dataset.range(10**6)
    images = rows.map(lambda row: tf.numpy_function(load, [row], tf.float32), 4).prefetch(2)
    batches = iterate(images)
    next(batches)
    raise {error}

run_main(main)
"""


@pytest.mark.parametrize(
    "error, code, line",
    [
        ("ValueError('ours')", 1, "ValueError: ours"),
        ("InputError('flag', 2)", 2, "error: flag"),
        ("OSError(28, 'full')", 1, "error: [Errno 28] full"),
        ("OSError(20, 'no folder', 'a/b')", 1, "error: [Errno 20] no folder: 'a/b'"),
    ],
)
def test_a_script_ends_although_images_are_being_loaded(error, code, line):
    """Left to Python, a crash waits for ever for the pipeline's threads."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(error=error)], cwd=Path(__file__).parents[2],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == code
    assert done.stderr.splitlines()[-1] == line
