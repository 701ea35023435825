"""How a script ends."""

from tests.command_line.test_tensorflow_start import start

ENDS = {
    "ValueError('ours')": (1, "ValueError: ours"),
    "InputError('flag', 2)": (2, "error: flag"),
    "OSError(28, 'full')": (1, "error: [Errno 28] full"),
    "OSError(20, 'no folder', 'a/b')": (1, "error: [Errno 20] no folder: 'a/b'"),
}
# Each in a process of its own, forked before TensorFlow, which takes 4 s to import, has a thread.
SCRIPTS = f"""
import os
import signal
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
    raise error

for error in {", ".join(ENDS)}:
    print("-", flush=True)
    if not os.fork():
        os.dup2(1, 2)
        signal.alarm(60)
        run_main(main)
    print("exit code", os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


def test_a_script_ends_although_images_are_being_loaded():
    """Left to Python, a crash waits for ever for the pipeline's threads."""
    _, out, err = start("-c", SCRIPTS, TF_CPP_MIN_LOG_LEVEL="3")
    ends = [said.splitlines()[-2:] for said in out.split("-\n")[1:]]
    assert ends == [[line, f"exit code {code}"] for code, line in ENDS.values()], err
