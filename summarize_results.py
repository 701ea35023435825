"""The table of all evaluations in results.jsonl, next to the published numbers.

  python summarize_results.py [--results_dir=results]

Prints it and writes <results_dir>/summary.md. Of a run scored twice on the same terms the later
score counts. Brackets are 95 % intervals: bootstrap over the triplets, made by test_val.py.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import datasets
from config import check_flag_form
from errors import InputError, run_main
from rank_files import write_lines
from released_files import read_lines

MEAN = "mean of R@10 and R@50"
TITLES = {"fashion_iq": "FashionIQ", "shoes": "Shoes", "fashion200k": "Fashion200k"}
SHOWN = {
    "fashion_iq": ("R@10", "R@50"),
    "shoes": ("R@1", "R@10", "R@50"),
    "fashion200k": ("R@1", "R@10", "R@50"),
}
# (queries, gallery sizes) of the released data under protocol val, by subset.
RELEASED = {
    "fashion_iq": {
        "dress": (4034, {2628}),
        "shirt": (4075, {3089}),
        "toptee": (3920, {2902}),
    },
    "shoes": {"": (1761, {4658, 4642})},
    "fashion200k": {"": (33480, {29789})},
}
# Protocol val. Read in a survey and in DCNet, RTIC and CompoDiff; the VAL paper's table 1 to 3.
PUBLISHED = {
    "fashion_iq": {
        "TIRG, in the VAL paper": (14.87, 34.66, 18.26, 37.89, 19.08, 39.62),
        "VAL, L_vv": (21.12, 42.19, 21.03, 43.44, 25.64, 49.49),
        "VAL, L_vv + L_vs": (21.47, 43.83, 21.03, 42.75, 26.71, 51.81),
        "VAL + GloVe": (22.53, 44.00, 22.38, 44.15, 27.53, 51.68),
    },
    "shoes": {
        "TIRG, in the VAL paper": (12.60, 45.45, 69.39),
        "VAL, L_vv": (16.49, 49.12, 73.53),
        "VAL, L_vv + L_vs": (16.98, 49.83, 73.91),
        "VAL + GloVe": (17.18, 51.52, 75.83),
    },
    "fashion200k": {
        "TIRG, in the VAL paper": (14.1, 42.5, 63.8),
        "VAL, L_vv": (21.2, 49.0, 68.8),
        "VAL, L_vv + L_vs": (21.5, 53.8, 72.7),
        "VAL + GloVe": (22.9, 50.8, 73.3),
        "VAL, L_vv, code rerun by the DCNet authors": (None, 45.75, 66.10),
    },
}


def read_results(path):
    """{(dataset, protocol, reference, data): {run: {subset: entry}}}, the last entry of each."""
    tables = {}
    for number, line in enumerate(read_lines(path), 1):
        try:
            entry = json.loads(line)
            terms = entry["dataset"], entry["protocol"], entry["reference"], entry["data_path"]
            SHOWN[entry["dataset"]]
            run = f"{entry['feature_dir']}, step {entry['step']}"
            tables.setdefault(terms, {}).setdefault(run, {})[entry["subset"]] = entry
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: line {number}: not an evaluation ({error!r})") from None
    return tables


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
    names = SHOWN[dataset]
    cells = []
    for subset in datasets.subsets(dataset):
        entry = subsets.get(subset)
        cells += [score(entry[n], entry["interval_95"][n]) if entry else "-" for n in names]
    if dataset == "fashion_iq":
        entries = list(subsets.values())
        complete = len(entries) == len(datasets.subsets(dataset))
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


def is_released(dataset, runs):
    """Whether the scores are on the data of the published numbers, going by their size."""
    return all(
        entry["all_queries"] == RELEASED[dataset][subset][0]
        and entry["all_gallery"] in RELEASED[dataset][subset][1]
        for subsets in runs.values()
        for subset, entry in subsets.items()
    )


def table(terms, runs):
    """Markdown lines of one data set under one protocol."""
    dataset, protocol, reference, data_path = terms
    subsets = datasets.subsets(dataset)
    sizes = {s: (e["queries"], e["gallery"]) for run in runs.values() for s, e in run.items()}
    counts = [f"{s} {q:,} x {n:,}".strip() for s, (q, n) in sizes.items()]
    heads = [f"{s} {name}".strip() for s in subsets for name in SHOWN[dataset]]
    heads += ["mean"] if dataset == "fashion_iq" else []
    lines = [
        f"## {TITLES[dataset]}, protocol {protocol}, reference {reference}, {data_path}",
        "",
        f"Recall in percent; queries x gallery: {', '.join(counts)}.",
        "",
        "| run | " + " | ".join(heads) + " |",
        "|---" * (len(heads) + 1) + "|",
    ]
    if protocol == "val" and reference == "removed" and is_released(dataset, runs):
        for name, values in PUBLISHED[dataset].items():
            cells = [score(value) for value in values]
            cells += [score(np.mean(values))] if dataset == "fashion_iq" else []
            lines.append(f"| {name} (published) | " + " | ".join(cells) + " |")
    notes = []
    for run, found in runs.items():
        missing = coverage_notes(run, found)
        notes += missing
        mark = " †" if missing else ""
        lines.append(f"| {run}{mark} | {' | '.join(run_cells(found, dataset))} |")
    return [*lines, "", *notes]


def main(argv):
    check_flag_form(argv)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
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
