"""The comparison from its plan to ranks: a learning rate for each row, then its runs."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from checkpointing.run_folder import is_trained
from comparison.inputs import check_inputs
from comparison.plan import make_run
from comparison.runs import RunFailed, check_settings, groundtruth, is_scored, score, train
from datasets.tuning_split import write_tuning_split
from evaluation.method_runs import read_method_runs

TUNED_BY = (10, 1)  # R@10, mean over the categories, of the tuning part; of equals by R@1


class Terms(NamedTuple):
    """What all runs of a comparison share."""

    dataset: str
    data_path: str
    tuning_data: str  # a data root whose validation part is for tuning; empty: a tenth of training
    base: list[str]  # flags of every run
    rates: list[str]
    seeds: list[int]
    root: Path  # of the runs


class Outcome(NamedTuple):
    """All there is to report."""

    rates: dict  # {row: (chosen rate, {rate: R@10 of the tuning part})}
    systems: dict  # {row: MethodRuns, one a seed}
    runs: dict  # {row: its runs}
    failures: list[str]


class Job(NamedTuple):
    """A run to be trained and asked."""

    run: object
    folder: Path  # for its answers: features/ and ranks/
    data_path: str  # that asks; empty: the run's own
    results: Path  # folder of the result files


class Progress:
    """Says a line for everything that is trained or scored, with the time left at this session's
    mean for a run to be trained; what is only scored takes little. For any number of threads."""

    def __init__(self):
        self.left, self.done, self.start = 0, 0, time.monotonic()
        self.lock = threading.Lock()

    def say(self, what, result, trained):
        with self.lock:
            self.done, self.left = self.done + trained, self.left - trained
            minutes = (time.monotonic() - self.start) / max(1, self.done) * self.left / 60
            print(f"{what}: {result} ({self.left} runs left, about {minutes:.0f} min)", flush=True)


def compare(scripts, terms, rows):
    """Tunes, trains and scores all rows -> Outcome; what is there already is kept.

    A failed run is named and the others go on. Raises InputError, before the first run, for
    settings that no run takes, and where a run already there has others or began with other
    files."""
    tuning_data = terms.tuning_data or str(terms.root / "tuning_data")
    tries = {row: tuning_jobs(terms, row, tuning_data) for row in rows}
    reported = {
        (row, rate): [reported_job(terms, row, rate, seed) for seed in terms.seeds]
        for row in rows
        for rate in terms.rates
    }
    jobs = list(itertools.chain(*tries.values(), *reported.values()))
    for job in jobs:
        check_settings(job.run)
    backbones = {job.run.config.pretrain_checkpoint_dir for job in jobs} - {""}
    check_inputs(terms.root, {terms.data_path, tuning_data}, backbones)
    if len(terms.rates) > 1:
        if not terms.tuning_data:
            print(write_tuning_split(terms.dataset, terms.data_path, tuning_data))
        groundtruth(scripts, terms.dataset, tuning_data, terms.root / "groundtruth.log")
    groundtruth(scripts, terms.dataset, terms.data_path, terms.root / "groundtruth.log")

    progress = Progress()
    with ThreadPoolExecutor(scripts.at_once) as pool:

        def run_all(jobs, later=0):
            """Trains and scores, as many at once as may be -> {job: why it failed}.

            later: how many runs are to be trained after these."""
            jobs = list(itertools.chain(*jobs))
            progress.left = sum(not is_trained(job.run.folder) for job in jobs) + later
            found = pool.map(lambda job: train_and_score(scripts, job, progress), jobs)
            return {job: why for job, why in zip(jobs, found, strict=True) if why}

        tuned = bool(len(terms.rates) > 1 and terms.tuning_data)  # that run is the first seed's
        later = sum(
            not any(is_trained(reported[row, rate][i].run.folder) for rate in terms.rates)
            for row in rows
            for i in range(tuned, len(terms.seeds))
        )
        failed = run_all(tries.values(), later)
        rates = {row: choose_rate(terms, tries[row], failed) for row in rows}
        jobs = {row: reported[row, rate] for row, (rate, _) in rates.items() if rate}
        failed |= run_all(jobs.values())
    systems = {
        row: read_method_runs(row.name, [job.folder / "ranks" for job in own])
        for row, own in jobs.items()
        if not any(job in failed for job in own)
    }
    runs = {row: [job.run for job in own] for row, own in jobs.items()}
    return Outcome(rates, systems, runs, [f"{job.run}: {why}" for job, why in failed.items()])


def tuning_jobs(terms, row, tuning_data):
    """One a rate, or none where there is nothing to choose.

    With a tuning part of its own the run is the comparison's first; with a tenth of the training
    triplets it is trained without them."""
    if len(terms.rates) < 2:
        return []
    own, seed = bool(terms.tuning_data), terms.seeds[0]
    base = [*terms.base, f"--data_path={terms.data_path if own else tuning_data}"]
    name = f"seed_{seed}" if own else f"tuning_seed_{seed}"
    jobs = []
    for rate in terms.rates:
        run = make_run(row, rate, seed, base, terms.root, name)
        folder = run.folder / "tuning" if own else run.folder
        jobs.append(Job(run, folder, tuning_data, terms.root / "tuning"))
    return jobs


def reported_job(terms, row, rate, seed):
    base = [*terms.base, f"--data_path={terms.data_path}"]
    run = make_run(row, rate, seed, base, terms.root, f"seed_{seed}")
    return Job(run, run.folder, "", terms.root)


def choose_rate(terms, tries, failed):
    """-> (the rate with the best R@10 on the tuning part, {rate: that}); of equals that with the
    best R@1, then the first.

    The rate is None where all runs failed."""
    if not tries:
        return terms.rates[0], {}
    scores = {job.run.rate: recalls(job) for job in tries if job not in failed}
    rate = max(scores, key=scores.get, default=None)
    return rate, {rate: first for rate, (first, _) in scores.items()}


def recalls(job):
    """Those of TUNED_BY."""
    system = read_method_runs(str(job.run), [job.folder / "ranks"])
    return [float(system.recalls(k)[0]) for k in TUNED_BY]


def train_and_score(scripts, job, progress):
    """-> why it failed, empty when the ranks are there; says which."""
    run = job.run
    if is_scored(run, job.folder, job.data_path):
        return ""
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    log = run.folder.with_name(f"{run.folder.name}.log")
    start, to_train = time.monotonic(), not is_trained(run.folder)
    try:
        train(scripts, run, log)
        score(scripts, run, job.results, job.folder, job.data_path, log)
    except RunFailed as error:
        progress.say(str(run), f"FAILED: {error}", to_train)
        return f"{error} ({log})"
    what = f"{'tuning ' if job.data_path else ''}R@{TUNED_BY[0]} {recalls(job)[0]:.2f}"
    progress.say(str(run), f"{what}, {time.monotonic() - start:.0f} s", to_train)
    return ""
