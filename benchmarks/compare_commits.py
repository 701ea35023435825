"""Training of this commit against another's, in alternating blocks of one run.

  git worktree add ../before <commit>
  python -m benchmarks.compare_commits --against=../before [--image_model=resnet_v2_50] [--blocks=5]

Each commit trains in a process of its own, as its benchmarks/train_step.py makes the updates of its
real loop, keeping freed memory if its training does; one waits while the other works. Every block
is printed, with the machine's matrix-product rate before, between and after. Ratios are of medians
of the blocks; with other processes on the machine trust those of CPU seconds and page faults.
The last lines are name=value. Each commit starts TensorFlow its own way, with oneDNN or without;
--onednn=1 or 0 decides for both.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.machine import matrix_gflops
from command_line.errors import InputError, run_main
from command_line.flags import Flags

BATCH = {"mobilenet_v1": 32, "resnet_v2_50": 8}  # the published table's
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
# Runs in the other commit's folder, over its own modules: what `measure` calls in every commit.
WORKER = """
import json, resource, sys, tempfile, time, types
sys.path.insert(0, "")
from benchmarks import train_step
from benchmarks.machine import draw_photographs
try:
    from training.memory import keep_freed_memory
except ImportError:
    kept = False
else:
    kept = keep_freed_memory()

class Caught(Exception):
    pass

def catch(*arguments):
    raise Caught(real_updates(*arguments)[0])

real_updates, train_step.real_updates = train_step.real_updates, catch
image_model, batch_size, precision, steps = sys.argv[1:]
flags = types.SimpleNamespace(precision=precision, xla=False)
with tempfile.TemporaryDirectory() as folder:
    config = train_step.settings(image_model, int(batch_size), flags)
    try:
        train_step.measure(config, draw_photographs(folder, train_step.IMAGES), 1)
    except Caught as caught:
        step = caught.args[0]
    for _ in range(3):
        step()
    print(json.dumps({"kept": kept}), flush=True)
    for _ in sys.stdin:
        before, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        for _ in range(int(steps)):
            step()
        wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_SELF)
        used = [wall, after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime,
                after.ru_minflt - before.ru_minflt]
        print(json.dumps([value / int(steps) for value in used] + [after.ru_maxrss]), flush=True)
"""


class Block(NamedTuple):
    """Of one update, mean of a block's; peak_kib: the process's highest memory so far."""

    wall: float
    user: float
    kernel: float
    page_faults: float
    peak_kib: float

    @property
    def cpu(self):
        return self.user + self.kernel


class Worker:
    """A commit's training in its folder, which makes a block of updates when asked."""

    def __init__(self, folder, arguments, onednn=""):
        self.folder = Path(folder)
        if not (self.folder / "benchmarks" / "train_step.py").is_file():
            raise InputError(f"--against={folder}: no benchmarks/train_step.py there", 2)
        environment = {k: v for k, v in os.environ.items() if k != ONEDNN}
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, *map(str, arguments)], cwd=folder, text=True,
            env=environment | ({ONEDNN: onednn} if onednn else {}),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._answer()

    def _answer(self):
        for line in self.process.stdout:
            if line[0] in "{[":  # what the commit prints besides is passed over
                return json.loads(line)
        raise InputError(f"{self.folder}: its training ended with code {self.process.wait()}")

    def block(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return Block(*self._answer())


def compare(workers, blocks):
    """Alternating blocks of {name: Worker} -> ({name: [Block]}, matrix-product rates)."""
    measured, rates = {name: [] for name in workers}, [matrix_gflops()]
    for number in range(blocks):
        order = list(workers) if number % 2 == 0 else list(workers)[::-1]
        for name in order:
            block = workers[name].block()
            rates.append(matrix_gflops())
            measured[name].append(block)
            print(
                f"  {name:<8}{block.wall:7.2f} s{block.cpu:8.2f} CPU s, kernel "
                f"{block.kernel / block.cpu:6.1%}{block.page_faults:12,.0f} page faults; "
                f"matrix product {rates[-2]:.0f}, {rates[-1]:.0f} GFLOP/s",
                flush=True,
            )
    return measured, rates


def results(measured, rates):
    """Medians of both, and how many times as fast this commit is."""
    rows = {name: [(b.wall, b.cpu, b.page_faults) for b in own] for name, own in measured.items()}
    median = {name: np.median(own, axis=0) for name, own in rows.items()}
    found = {"matmul_gflops": float(np.median(rates))}
    for name, (wall, cpu, faults) in median.items():
        peak = measured[name][-1].peak_kib / 2**20
        found |= {f"{name}_seconds": wall, f"{name}_cpu_seconds": cpu}
        found |= {f"{name}_page_faults": faults, f"{name}_peak_gib": peak}
    found["peak_ratio"] = found["this_peak_gib"] / found["against_peak_gib"]
    wall, cpu, _ = median["against"] / np.maximum(median["this"], 1e-9)
    return found | {"cpu_ratio": cpu, "ratio": wall}


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--against", required=True, help="folder with a checkout of the other one")
    parser.add_argument("--image_model", choices=sorted(BATCH), default="resnet_v2_50")
    parser.add_argument("--batch_size", type=int, help="default: the published table's")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--blocks", type=int, default=5, help="of each")
    parser.add_argument("--steps", type=int, default=3, help="updates a block")
    parser.add_argument("--onednn", choices=("0", "1"), default="", help="for both commits")
    flags = parser.parse_args(argv)
    batch_size = flags.batch_size or BATCH[flags.image_model]
    arguments = flags.image_model, batch_size, flags.precision, flags.steps
    here = Path(__file__).parents[1]
    print(f"{flags.image_model}, batch {batch_size}, {flags.precision}", flush=True)
    workers = {
        name: Worker(folder, arguments, flags.onednn)
        for name, folder in (("this", here), ("against", flags.against))
    }
    try:
        found = results(*compare(workers, flags.blocks))
    finally:
        for worker in workers.values():
            worker.process.kill()
    for name, value in found.items():
        print(f"{name}={value:.3f}")


if __name__ == "__main__":
    run_main(main)
