"""Kills a training run at random moments, lets it finish, compares it with an uninterrupted one:

    python tests/survival.py [--kills=20] [--seed=0]

Every variable of the last checkpoint and both logs must be equal, bit for bit.
"""

import argparse
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAGS = ["--preset=demo", "--dataset=shoes", "--pretrain_checkpoint_dir=", "--image_size=32",
         "--batch_size=8", "--text_embedding_size=16", "--save_length=1", "--eval_length=8",
         "--print_span=1", "--levels=low"]  # fmt: skip
PYTHON = sys.executable
STEPS = 16  # of a run that is ended a few times


def command(data, run, steps=STEPS):
    where = [f"--data_path={data}", f"--checkpoint_dir={run}"]
    return [PYTHON, "train_val.py", *FLAGS, f"--train_length={steps}", *where]


def digest(run, steps=STEPS):
    """Hash of the last checkpoint's variables and of the logs."""
    import numpy as np
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(Path(run, f"model.ckpt-{steps}")))
    result = hashlib.sha256()
    for name in sorted(reader.get_variable_to_shape_map()):
        # The save counter counts saves, not updates: a killed save may be counted once more.
        if "OBJECT_GRAPH" in name or name.startswith("save_counter"):
            continue
        result.update(name.encode() + np.ascontiguousarray(reader.get_tensor(name)).tobytes())
    for log in ("train_log.csv", "eval_log.csv"):
        result.update(Path(run, log).read_bytes())
    return result.hexdigest()


def finish(data, run, steps=STEPS):
    done = subprocess.run(command(data, run, steps), cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout[-1000:] + done.stderr[-3000:])
    return done.stdout


def end_once(command, root, delay, number=signal.SIGKILL, update=1):
    """Starts a command and ends it and all it started, `delay` seconds after that update of its
    training (of 0: its start) -> what it said. Raises RuntimeError if it was over before."""
    process = subprocess.Popen(
        command, cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    said, line = "", "step 0"
    while line and not (line.startswith("step ") and int(re.findall(r"\d+", line)[0]) >= update):
        line = process.stdout.readline()
        said += line
    time.sleep(delay)
    os.killpg(process.pid, number)
    said += process.communicate()[0]
    if process.returncode != (-number if number == signal.SIGKILL else 128 + number):
        raise RuntimeError(f"{process.returncode} before it was ended:\n{said[-3000:]}")
    return said


def draw(folder):
    """A tiny Shoes data set -> its folder."""
    subprocess.run(
        [sys.executable, "-m", "demo.generate_demo_data", f"--data_path={folder}",
         "--dataset=shoes", "--triplets=20"], cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return str(Path(folder, "shoes"))


def survive(kills, seed):
    """Whether a run killed `kills` times equals an uninterrupted one. Every fourth kill may also
    hit what comes before the first update."""
    rng = random.Random(seed)
    steps = 6 * kills
    with tempfile.TemporaryDirectory() as folder:
        data, whole, killed = draw(folder), f"{folder}/whole", f"{folder}/killed"
        finish(data, whole, steps)
        for number in range(kills):
            update = int(number % 4 != 3)
            delay = rng.uniform(0, 2 if update else 10)
            out = end_once(command(data, killed, steps), ROOT, delay, update=update)
            saved = [path.stem for path in Path(killed).glob("model.ckpt-*.index")]
            done = max((int(name.partition("-")[2]) for name in saved), default=0)
            half = [path.name for path in Path(killed).iterdir() if "temp" in path.name]
            shown = out.count("\nstep ")
            print(f"kill {number + 1}: {shown} shown, {done} saved, half {half}", flush=True)
        finish(data, killed, steps)
        return digest(whole, steps) == digest(killed, steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    same = survive(flags.kills, flags.seed)
    print("equal" if same else "DIFFERENT")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
