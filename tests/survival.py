"""Kills a training run at random moments, lets it finish, compares it with an uninterrupted one:

    python tests/survival.py [--kills=20] [--seed=0]

Every variable of the last checkpoint and both logs must be equal, bit for bit.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAGS = ["--preset=demo", "--dataset=shoes", "--pretrain_checkpoint_dir=", "--image_size=32",
         "--batch_size=8", "--text_embedding_size=16", "--train_length=16", "--save_length=1",
         "--eval_length=8", "--print_span=1"]  # fmt: skip


def command(data, run):
    where = [f"--data_path={data}", f"--checkpoint_dir={run}"]
    return [sys.executable, "train_val.py", *FLAGS, *where]


def digest(run):
    """Hash of the last checkpoint's variables and of the logs."""
    import numpy as np
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(Path(run, "model.ckpt-16")))
    result = hashlib.sha256()
    for name in sorted(reader.get_variable_to_shape_map()):
        # The save counter counts saves, not updates: a killed save may be counted once more.
        if "OBJECT_GRAPH" in name or name.startswith("save_counter"):
            continue
        result.update(name.encode() + np.ascontiguousarray(reader.get_tensor(name)).tobytes())
    for log in ("train_log.csv", "eval_log.csv"):
        result.update(Path(run, log).read_bytes())
    return result.hexdigest()


def finish(data, run):
    done = subprocess.run(command(data, run), cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout[-1000:] + done.stderr[-3000:])
    return done.stdout


def kill_once(data, run, rng, number=signal.SIGKILL):
    """Starts the run and ends it within two seconds of its first update -> (exit code, output)."""
    process = subprocess.Popen(
        command(data, run), cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    out = ""
    for line in process.stdout:
        out += line
        if line.startswith("step "):
            time.sleep(rng.uniform(0, 2))
            break
    os.killpg(process.pid, number)
    out += process.communicate()[0]
    return process.returncode, out


def draw(folder):
    """A tiny Shoes data set -> its folder."""
    subprocess.run(
        [sys.executable, "generate_demo_data.py", f"--data_path={folder}", "--dataset=shoes",
         "--triplets=20"], cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return str(Path(folder, "shoes"))


def survive(kills, seed):
    """Whether a run killed `kills` times equals an uninterrupted one."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        data, whole, killed = draw(folder), f"{folder}/whole", f"{folder}/killed"
        finish(data, whole)
        for number in range(kills):
            steps = kill_once(data, killed, rng)[1].count("\nstep ")
            left = sorted(path.name for path in Path(killed).iterdir())
            print(f"kill {number + 1}: after {steps} steps; left {left[-3:]}", flush=True)
        finish(data, killed)
        return digest(whole) == digest(killed)


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
