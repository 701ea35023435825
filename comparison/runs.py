"""Runs by the project's own scripts, one after the other; what is done is not done again."""

import fcntl
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import datasets
from command_line.errors import InputError
from config import CONFIG_FILE, load_config

ROOT = Path(__file__).parents[1]
TRAINING = {"fashion200k": "train_val_fashion200k.py"}  # else train_val.py


class RunFailed(Exception):
    """A script of a run ended with an error; the message is its last line."""


class Scripts:
    """Calls scripts, one at a time; SIGTERM and Ctrl-C end the one that is running, and then us.

    folder: a second process that works there waits until this one and its script have ended."""

    def __init__(self, folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.lock = Path(folder, "lock").open("w")
        self.process, self.received = None, 0

    def __enter__(self):
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process that works in {self.lock.name}", flush=True)
            fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.before = {
            number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def __exit__(self, *error):
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.lock.close()

    def _note(self, number, frame):
        self.received = signal.Signals(number)
        if self.process:
            self.process.terminate()  # a training run saves, and goes on from there

    def call(self, argv, log=None):
        """Runs one script with these arguments; what it prints goes to the end of the log.

        Raises RunFailed, and InputError when told to stop."""
        output = Path(log).open("a", encoding="utf-8") if log else None
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, *argv], stdout=output, stderr=output and subprocess.STDOUT,
            env=environment, pass_fds=[self.lock.fileno()], start_new_session=True,
        )  # fmt: skip
        if self.received:
            self.process.terminate()
        code = self.process.wait()
        self.process = None
        if output:
            output.close()
        if self.received:
            raise InputError(
                f"stopped by {self.received.name}; the same command goes on", 128 + self.received
            )
        if code:
            raise RunFailed(last_line(log) if log else f"{argv[0]}: exit code {code}")


def last_line(log):
    lines = Path(log).read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no word")


def train(scripts, run, log=None):
    """Trains a run, or what is left of it. Raises InputError as check_settings."""
    check_settings(run)
    if (run.folder / f"model.ckpt-{run.config.train_length}.index").exists():
        return
    script = TRAINING.get(run.config.dataset, "train_val.py")
    scripts.call([str(ROOT / script), *run.argv], log)


def groundtruth(scripts, dataset, data_path, log=None):
    flags = [f"--dataset={dataset}", f"--data_path={data_path}"]
    scripts.call([str(ROOT / "generate_groundtruth.py"), *flags], log)


def score(scripts, run, results_dir, folder=None, data_path="", log=None):
    """Extracts and scores a trained run; folder: for features/ and ranks/, default the run's own.

    data_path: where the queries are, default the run's own data."""
    features, ranks = (Path(folder or run.folder, name) for name in ("features", "ranks"))
    extraction = [f"--checkpoint_dir={run.folder}", f"--feature_dir={features}"]
    if data_path:
        extraction.append(f"--data_path={data_path}")
    scripts.call([str(ROOT / "extract_features_val.py"), *extraction], log)
    scoring = [f"--feature_dir={features}", f"--save_ranks={ranks}", f"--results_dir={results_dir}"]
    scripts.call([str(ROOT / "test_val.py"), *scoring], log)


def is_scored(run, folder=None):
    """Whether the rank files of all subsets are there. Raises InputError as check_settings."""
    check_settings(run)
    dataset = run.config.dataset
    stems = ["_".join(filter(None, (dataset, subset))) for subset in datasets.subsets(dataset)]
    ranks = Path(folder or run.folder, "ranks")
    return all((ranks / f"ranks_{stem}_val.jsonl").exists() for stem in stems)


def check_settings(run):
    """Raises InputError when the run's folder holds a run with other settings."""
    if (run.folder / CONFIG_FILE).exists():
        there, wanted = asdict(load_config(run.folder)), asdict(run.config)
        names = [name for name in wanted if there[name] != wanted[name]]
        differing = [f"{name} {there[name]!r}, now {wanted[name]!r}" for name in names]
        if differing:
            raise InputError(
                f"{run.folder}: holds a run with other settings ({'; '.join(differing)}); "
                "repeat them, or give another folder", 2,
            )  # fmt: skip
