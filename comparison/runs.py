"""Runs by the project's own scripts; what is done is not done again."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

import datasets
from checkpointing.run_folder import changed_settings, has_checkpoint, is_trained
from command_line.errors import InputError
from command_line.files import append, lock_folder
from evaluation.features import find_features

ROOT = Path(__file__).parents[1]
SPEED_FILE = "speed.json"  # in a run's folder: what comparison.speed measured
NO_RESULTS = ("checkpoint_dir", "keep_checkpoints", "eval_length")  # settings that change none


class RunFailed(Exception):
    """A script of a run ended with an error; the message is its last line."""


class Scripts:
    """Calls scripts; SIGTERM and Ctrl-C end those that are running, and then us.

    folder: a second process that works there waits until this one and its scripts have ended.
    at_once: as many threads may call, each script with its share of the cores; the others wait.
    Raises InputError for more than there are cores."""

    def __init__(self, folder, at_once=1):
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
        if not 1 <= at_once <= len(cores):
            raise InputError(f"--runs_at_once={at_once}: 1 to {len(cores)} here, one a core", 2)
        self.cores, self.at_once, self.shares = cores, at_once, queue.SimpleQueue()
        for first in range(at_once):
            self.shares.put(cores[first::at_once])
        self.folder, self.processes, self.received = folder, set(), 0

    def __enter__(self):
        self.lock = lock_folder(self.folder, wait=True)
        stops = signal.SIGTERM, signal.SIGINT
        self.before = {number: signal.signal(number, self._note) for number in stops}
        return self

    def __exit__(self, *error):
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.lock.close()

    def _note(self, number, frame):
        self.received = signal.Signals(number)
        for process in tuple(self.processes):
            process.terminate()  # a training run saves, and goes on from there

    def call(self, argv, log=None, whole_machine=False):
        """Runs one script with these arguments; what it prints goes to the end of the log.

        whole_machine: with all cores, for a time when nothing else runs.
        Raises RunFailed, and InputError when told to stop."""
        share = self.shares.get()
        try:
            code, said = self._run(argv, log, self.cores if whole_machine else share)
        finally:
            self.shares.put(share)
        if self.received:
            message = f"stopped by {self.received.name}; the same command goes on"
            raise InputError(message, 128 + self.received)
        if code:
            if log and not said:  # perhaps the disk is full: then this says so
                append(log, f"{argv[0]}: exit code {code}\n")
            raise RunFailed(f"{said or argv[0]} (exit code {code})")

    def _run(self, argv, log, cores):
        """-> (exit code, the last line in the log)"""
        if self.received:
            return 0, ""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with Path(log).open("ab") if log else contextlib.nullcontext() as output:
            start = output.tell() if log else 0
            process = subprocess.Popen(
                [sys.executable, *argv], stdout=output, stderr=output and subprocess.STDOUT,
                env=environment, pass_fds=[self.lock.fileno()], start_new_session=True,
            )  # fmt: skip
            if self.at_once > 1:
                os.sched_setaffinity(process.pid, cores)  # before it has threads
            self.processes.add(process)
            if self.received:
                process.terminate()
            code = process.wait()
            self.processes.remove(process)
        return code, last_line(log, start) if log else ""


def last_line(log, start):
    """What was written last since the log had `start` bytes; empty if nothing was."""
    lines = Path(log).read_bytes()[start:].decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def train(scripts, run, log=None):
    """Trains a run, or what is left of it. Raises InputError as refuse_other_run."""
    refuse_other_run(run)
    if is_trained(run.folder):
        return
    script = datasets.READERS[run.config.dataset].TRAINING_SCRIPT
    scripts.call([str(ROOT / script), *run.argv], log)


def groundtruth(scripts, dataset, data_path, log=None):
    flags = [f"--dataset={dataset}", f"--data_path={data_path}"]
    scripts.call([str(ROOT / "generate_groundtruth.py"), *flags], log)


def score(scripts, run, results_dir, folder=None, data_path="", log=None):
    """Extracts and scores a trained run; folder: for features/ and ranks/, default the run's own.

    data_path: where the queries are, default the run's own data."""
    features, ranks = (Path(folder or run.folder, name) for name in ("features", "ranks"))
    for earlier in ranks.glob("*.jsonl"):  # answers to other data, should this be interrupted
        earlier.unlink()
    extraction = [f"--checkpoint_dir={run.folder}", f"--feature_dir={features}"]
    if data_path:
        extraction.append(f"--data_path={data_path}")
    scripts.call([str(ROOT / "extract_features_val.py"), *extraction], log)
    scoring = [f"--feature_dir={features}", f"--save_ranks={ranks}", f"--results_dir={results_dir}"]
    scripts.call([str(ROOT / "test_val.py"), *scoring], log)


def is_scored(run, folder=None, data_path=""):
    """Whether the rank files of all subsets are there, asked with the data of data_path."""
    folder = Path(folder or run.folder)
    dataset = run.config.dataset
    stems = ["_".join(filter(None, (dataset, subset))) for subset in datasets.subsets(dataset)]
    ranks = [folder / f"ranks/ranks_{stem}_val.jsonl" for stem in stems]
    if not (folder / "features").is_dir() or not all(path.exists() for path in ranks):
        return False
    metadata = find_features(folder / "features").values()
    return {each["data_path"] for each in metadata} == {data_path or run.config.data_path}


def refuse_other_run(run):
    """Raises InputError when the run's folder holds a checkpoint of a run with other settings."""
    if has_checkpoint(run.folder):
        if changes := changed_settings(run.config, NO_RESULTS):
            raise InputError(
                f"{run.folder}: holds a run with other settings ({'; '.join(changes)}); "
                "repeat them, or give another folder", 2,
            )  # fmt: skip
