"""The table of all evaluations in results.jsonl, next to the published numbers.

  python -m reports.summarize_results [--results_dir=results]

Prints it and writes <results_dir>/summary.md. Of a run scored twice on the same terms the later
score counts. Brackets are 95 % intervals: bootstrap over the triplets, made by test_val.py.
"""

from pathlib import Path

import numpy as np

import datasets
from command_line.errors import InputError, run_main
from command_line.files import write_lines
from command_line.flags import Flags
from datasets.released_files import read_records
from evaluation.following import one_line
from evaluation.recall import MEAN
from reports.markdown import table_head, table_row
from reports.published_scores import OTHERS_SHOW, PUBLISHED, SHOWN


def read_results(path):
    """{(dataset, protocol, reference, data): {run: {subset: entry}}}, the last entry of each."""
    tables = {}
    for entry in read_records(path, check_entry, "an evaluation"):
        terms = entry["dataset"], entry["protocol"], entry["reference"], entry["data_path"]
        own = "" if entry["precision"] == "float32" else f", {entry['precision']}"
        run = f"{entry['feature_dir']}, step {entry['step']}{own}"
        tables.setdefault(terms, {}).setdefault(run, {})[entry["subset"]] = entry
    if not tables:
        raise InputError(f"{path}: no evaluations; test_val.py writes them")
    return tables


def check_entry(entry):
    """The entry. Raises KeyError, TypeError or ValueError unless the table can show it."""
    for name in ("protocol", "reference", "data_path", "feature_dir", "step", "precision"):
        entry[name]
    if entry["subset"] not in datasets.subsets(entry["dataset"]):
        raise ValueError(f"{entry['dataset']} has no subset {entry['subset']!r}")
    names = SHOWN.get(entry["dataset"], OTHERS_SHOW)
    bounds = [bound for n in (*names, MEAN) for bound in entry["interval_95"][n]]
    counts = [f"{all_}{what}" for all_ in ("", "all_") for what in ("queries", "gallery")]
    numbers = [entry[n] for n in (*names, *counts, "missing_images")]
    if len(bounds) != 2 * len(names) + 2 or not all(
        isinstance(number, int | float) for number in (*numbers, *bounds)
    ):
        raise TypeError("a score, a count or an interval is no number")
    following_notes("", {"": entry})
    return entry


def score(value, interval=None):
    """12.34, or 12.34 [11.50, 13.20]."""
    if value is None:
        return "-"
    return f"{value:.2f}" + (f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else "")


def mean_score(entries, values, names):
    """Mean over the categories; their queries are independent, so the intervals' sides add in
    squares."""
    sides = [np.subtract(e["interval_95"][MEAN], np.mean([e[n] for n in names])) for e in entries]
    low, high = np.sqrt(np.sum(np.square(sides), axis=0)) / len(sides)
    return score(np.mean(values), (np.mean(values) - low, np.mean(values) + high))


def run_cells(subsets, dataset):
    """One row of our own: a cell per subset and recall, the mean if no subset is missing."""
    names, known = SHOWN.get(dataset, OTHERS_SHOW), datasets.subsets(dataset)
    cells = []
    for subset in known:
        entry = subsets.get(subset)
        cells += [score(entry[n], entry["interval_95"][n]) if entry else "-" for n in names]
    if len(known) > 1:
        entries = list(subsets.values())
        complete = len(entries) == len(known)
        values = [entry[name] for entry in entries for name in names]
        cells.append(mean_score(entries, values, names) if complete else "-")
    return cells


def coverage_notes(run, subsets):
    """What is missing from a run's scores; one line a subset."""
    return [
        f"† {run}{', ' if subset else ''}{subset}: {entry['queries']} of {entry['all_queries']} "
        f"queries, {entry['gallery']} of {entry['all_gallery']} gallery images, "
        f"{entry['missing_images']} images missing"
        for subset, entry in subsets.items()
        if entry["missing_images"]
    ]


def following_notes(run, subsets):
    """Whether a run's answers do what was asked, where the data can tell; one line a subset."""
    found = [entry["following"] for entry in subsets.values() if "following" in entry]
    return [f"{run}: {one_line(each)}" for each in found]


def is_released(dataset, runs):
    """Whether the scores are on the data of the published numbers, going by their size."""
    released = datasets.READERS[dataset].RELEASED
    return all(
        entry[f"all_{what}"] in released.get(" ".join(filter(None, ("val", subset, what))), ())
        for subsets in runs.values()
        for subset, entry in subsets.items()
        for what in ("queries", "gallery")
    )


def table(terms, runs):
    """Markdown lines of one data set under one protocol."""
    dataset, protocol, reference, data_path = terms
    subsets, title = datasets.subsets(dataset), datasets.READERS[dataset].TITLE
    sizes = {s: (e["queries"], e["gallery"]) for run in runs.values() for s, e in run.items()}
    counts = [f"{s} {q:,} x {n:,}".strip() for s, (q, n) in sizes.items()]
    names = SHOWN.get(dataset, OTHERS_SHOW)
    heads = [f"{s} {name}".strip() for s in subsets for name in names]
    heads += ["mean"] if len(subsets) > 1 else []
    lines = [
        f"## {title}, protocol {protocol}, reference {reference}, {data_path}",
        "",
        f"Recall in percent; queries x gallery: {', '.join(counts)}.",
        "",
        *table_head(["run", *heads]),
    ]
    if protocol == "val" and reference == "removed" and is_released(dataset, runs):
        for name, values in PUBLISHED[dataset].items():
            cells = [score(value) for value in values]
            cells += [score(np.mean(values))] if len(subsets) > 1 else []
            lines.append(table_row([f"{name} (published)", *cells]))
    notes = []
    for run, found in runs.items():
        missing = coverage_notes(run, found)
        notes += missing
        mark = " †" if missing else ""
        lines.append(table_row([f"{run}{mark}", *run_cells(found, dataset)]))
    return [*lines, "", *notes, *(line for run in runs for line in following_notes(run, runs[run]))]


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--results_dir", default="results", help="where results.jsonl is")
    flags = parser.parse_args(argv)
    tables = read_results(Path(flags.results_dir, "results.jsonl"))
    lines = [line for terms in sorted(tables) for line in table(terms, tables[terms])]
    lines.append("Brackets: 95 % intervals, bootstrap over triplets. Published numbers stand only")
    lines.append("beside scores on data of the released size.")
    path = Path(flags.results_dir, "summary.md")
    write_lines(path, lines)
    print("\n".join([*lines, "", str(path)]))


if __name__ == "__main__":
    run_main(main)
