"""The comparison from its plan to ranks: a learning rate for each row, then its runs."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from comparison.inputs import check_inputs
from comparison.plan import make_run
from comparison.runs import RunFailed, groundtruth, is_scored, refuse_other_run, score, train
from datasets import READERS
from datasets.tuning_split import write_tuning_split
from evaluation.method_runs import read_method_runs
from evaluation.recall import recall_name

TUNED_BY = (10, 1)  # R@10, mean over the categories, of the tuning part; of equals by R@1


class Comparison(NamedTuple):
    """What all runs of a comparison share."""

    dataset: str
    data_path: str
    tuning_data: str  # a data root whose validation part is for tuning; empty: a tenth of training
    base: list[str]  # flags of every run
    rates: list[str]
    seeds: list[int]
    root: Path  # of the runs

    @property
    def tuning_root(self):
        return self.tuning_data or str(self.root / "tuning_data")


class ComparisonResult(NamedTuple):
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


def compare(scripts, comparison, rows):
    """Tunes, trains and scores all rows -> ComparisonResult; what is there already is kept.

    A failed run is named and the others go on. Raises InputError as plan."""
    tries, reported = plan(comparison, rows)
    prepare_data(scripts, comparison)
    failed = run_all(scripts, itertools.chain(*tries.values()), "tuning runs")
    rates = {row: choose_rate(comparison, jobs, failed) for row, jobs in tries.items()}
    jobs = {row: reported[row, rate] for row, (rate, _) in rates.items() if rate}
    failed |= run_all(scripts, itertools.chain(*jobs.values()), "runs")
    systems = {
        row: read_method_runs(row.name, [job.folder / "ranks" for job in own])
        for row, own in jobs.items()
        if not any(job in failed for job in own)
    }
    runs = {row: [job.run for job in own] for row, own in jobs.items()}
    failures = [f"{job.run}: {why}" for job, why in failed.items()]
    return ComparisonResult(rates, systems, runs, failures)


def plan(comparison, rows):
    """-> ({row: jobs that choose its rate}, {(row, rate): jobs, one a seed, if that is chosen}).

    Raises InputError for settings that no run takes, and where a run already there has others or
    began with other files."""
    tries = {row: tuning_jobs(comparison, row) for row in rows}
    base, root = [*comparison.base, f"--data_path={comparison.data_path}"], comparison.root
    reported = {}
    for row, rate in itertools.product(rows, comparison.rates):
        runs = [make_run(row, rate, seed, base, root, f"seed_{seed}") for seed in comparison.seeds]
        reported[row, rate] = [Job(run, run.folder, "", root) for run in runs]
    runs = [job.run for job in itertools.chain(*tries.values(), *reported.values())]
    for run in runs:
        refuse_other_run(run)
    backbones = {run.config.pretrain_checkpoint_dir for run in runs} - {""}
    data_paths = {comparison.data_path, comparison.tuning_root}
    check_inputs(root, comparison.dataset, data_paths, backbones)
    return tries, reported


def prepare_data(scripts, comparison):
    """Writes the tuning part, if it is a tenth of training, and the ground truth."""
    dataset, data_path, log = comparison.dataset, comparison.data_path, "groundtruth.log"
    if len(comparison.rates) > 1:
        if not comparison.tuning_data:
            print(write_tuning_split(READERS[dataset], data_path, comparison.tuning_root))
        groundtruth(scripts, dataset, comparison.tuning_root, comparison.root / log)
    groundtruth(scripts, dataset, data_path, comparison.root / log)


def run_all(scripts, jobs, what):
    """Trains and scores what is not scored yet, as many at once as may be, and says a line for
    each -> {job: why it failed}. what: they are called."""
    jobs = [job for job in jobs if not is_scored(job.run, job.folder, job.data_path)]
    failed = {}
    with ThreadPoolExecutor(scripts.at_once) as pool:
        found = zip(jobs, pool.map(partial(train_and_score, scripts), jobs), strict=True)
        for number, (job, (result, why)) in enumerate(found, 1):
            print(f"{job.run}: {result} ({len(jobs) - number} {what} left)", flush=True)
            if why:
                failed[job] = why
    return failed


def tuning_jobs(comparison, row):
    """One a rate, or none where there is nothing to choose.

    With a tuning part of its own the run is the comparison's first; with a tenth of the training
    triplets it is trained without them."""
    if len(comparison.rates) < 2:
        return []
    own, seed = bool(comparison.tuning_data), comparison.seeds[0]
    data_path = comparison.data_path if own else comparison.tuning_root
    base = [*comparison.base, f"--data_path={data_path}"]
    name = f"seed_{seed}" if own else f"tuning_seed_{seed}"
    jobs = []
    for rate in comparison.rates:
        run = make_run(row, rate, seed, base, comparison.root, name)
        folder = run.folder / "tuning" if own else run.folder
        jobs.append(Job(run, folder, comparison.tuning_root, comparison.root / "tuning"))
    return jobs


def choose_rate(comparison, tries, failed):
    """-> (the rate with the best R@10 on the tuning part, {rate: that}); of equals that with the
    best R@1, then the first. The rate is None where all runs failed."""
    if not tries:
        return comparison.rates[0], {}
    scores = {job.run.rate: recalls(job) for job in tries if job not in failed}
    rate = max(scores, key=scores.get, default=None)
    return rate, {rate: first for rate, (first, _) in scores.items()}


def recalls(job):
    system = read_method_runs(str(job.run), [job.folder / "ranks"])
    return [float(system.means(recall_name(k))[0]) for k in TUNED_BY]


def train_and_score(scripts, job):
    """-> (what to say of it, why it failed; empty when the ranks are there)"""
    run, start = job.run, time.monotonic()
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    log = run.folder.with_name(f"{run.folder.name}.log")
    try:
        train(scripts, run, log)
        score(scripts, run, job.results, job.folder, job.data_path, log)
    except RunFailed as error:
        return f"FAILED: {error}", f"{error} ({log})"
    what = f"{'tuning ' if job.data_path else ''}R@{TUNED_BY[0]} {recalls(job)[0]:.2f}"
    return f"{what}, {time.monotonic() - start:.0f} s", ""
