"""The comparison from its plan to ranks: a learning rate for each row, then its runs."""

import time
from pathlib import Path
from typing import NamedTuple

from comparison.plan import make_run
from comparison.runs import RunFailed, groundtruth, is_scored, score, train
from datasets.tuning_split import write_tuning_split
from evaluation.systems import read_system

TUNED_BY = 10  # R@10, mean over the categories, of the tuning part


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
    systems: dict  # {row: System of its runs, one a seed}
    runs: dict  # {row: its runs}
    failures: list[str]


class Progress:
    """Says a line for everything that is trained or scored, with the time left at this
    session's mean."""

    def __init__(self, left):
        self.left, self.done, self.start = left, 0, time.monotonic()

    def skip(self, runs=1):
        """Of runs that are done already, or can't be done."""
        self.left -= runs

    def say(self, what, result):
        self.done, self.left = self.done + 1, self.left - 1
        minutes = (time.monotonic() - self.start) / self.done * self.left / 60
        print(f"{what}: {result} ({self.left} runs left, about {minutes:.0f} min)", flush=True)


def compare(scripts, terms, rows):
    """Tunes, trains and scores all rows -> Outcome; what is there already is kept.

    A failed run is named and the others go on."""
    base = [*terms.base, f"--data_path={terms.data_path}"]
    for row in rows:  # what no run would take is refused before the first
        make_run(row, terms.rates[0], terms.seeds[0], base, terms.root, "")
    tuning_data = terms.tuning_data
    if len(terms.rates) > 1:
        if not tuning_data:
            tuning_data = str(terms.root / "tuning_data")
            print(write_tuning_split(terms.dataset, terms.data_path, tuning_data))
        groundtruth(scripts, terms.dataset, tuning_data, terms.root / "groundtruth.log")
    groundtruth(scripts, terms.dataset, terms.data_path, terms.root / "groundtruth.log")

    tries = {row: tuning_tries(terms, row, tuning_data) for row in rows}
    progress = Progress(sum(map(len, tries.values())) + len(rows) * len(terms.seeds))
    failures, rates, systems, runs = [], {}, {}, {}
    for row in rows:
        rates[row] = choose_rate(scripts, terms, tries[row], progress, failures)
        if rates[row][0] is None:
            progress.skip(len(terms.seeds))
            continue
        runs[row] = [
            make_run(row, rates[row][0], seed, base, terms.root, f"seed_{seed}")
            for seed in terms.seeds
        ]
        done = [finish(scripts, run, terms, progress, failures) for run in runs[row]]
        if all(done):
            systems[row] = read_system(row.name, [run.folder / "ranks" for run in runs[row]])
    return Outcome(rates, systems, runs, failures)


class Try(NamedTuple):
    """A run of one learning rate, and where its answers to the tuning part are kept."""

    run: object
    folder: Path
    data_path: str


def tuning_tries(terms, row, tuning_data):
    """One a rate, or none where there is nothing to choose.

    With a tuning part of its own the run is the comparison's first; with a tenth of the training
    triplets it is trained without them."""
    if len(terms.rates) < 2:
        return []
    seed, tries = terms.seeds[0], []
    for rate in terms.rates:
        own = bool(terms.tuning_data)
        base = [*terms.base, f"--data_path={terms.data_path if own else tuning_data}"]
        name = f"seed_{seed}" if own else f"tuning_seed_{seed}"
        run = make_run(row, rate, seed, base, terms.root, name)
        tries.append(Try(run, run.folder / "tuning" if own else run.folder, tuning_data))
    return tries


def choose_rate(scripts, terms, tries, progress, failures):
    """-> (the rate with the best R@10 on the tuning part, {rate: that}); the first of equals.

    The rate is None where all runs failed."""
    if not tries:
        return terms.rates[0], {}
    scores = {}
    for run, folder, data_path in tries:
        results = terms.root / "tuning"
        steps = train_and_score(scripts, run, progress, failures, results, folder, data_path)
        if steps:
            system = read_system(str(run), [folder / "ranks"])
            scores[run.rate] = float(system.recalls(TUNED_BY)[0])
    return max(scores, key=scores.get, default=None), scores


def finish(scripts, run, terms, progress, failures):
    """One of the reported runs -> whether its ranks are there."""
    return train_and_score(scripts, run, progress, failures, terms.root)


def train_and_score(scripts, run, progress, failures, results, folder=None, data_path=""):
    """-> whether the ranks are there; says so, or adds to the failures."""
    if is_scored(run, folder):
        progress.skip()
        return True
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    log = run.folder.with_name(f"{run.folder.name}.log")
    start = time.monotonic()
    try:
        train(scripts, run, log)
        score(scripts, run, results, folder, data_path, log)
    except RunFailed as error:
        failures.append(f"{run}: {error} ({log})")
        progress.say(str(run), f"FAILED: {error}")
        return False
    system = read_system(str(run), [(folder or run.folder) / "ranks"])
    what = "tuning " if folder else ""
    recall = f"{what}R@{TUNED_BY} {system.recalls(TUNED_BY)[0]:.2f}"
    progress.say(str(run), f"{recall}, {time.monotonic() - start:.0f} s")
    return True
