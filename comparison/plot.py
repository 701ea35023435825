"""The comparison as one picture: recall of each row with its seeds, and recall over updates."""

import csv

import matplotlib
import numpy as np

import datasets
from command_line.files import whole_file
from evaluation.recall import recall_name

SHOWN = 10  # R@10


def read_log(path):
    """A CSV log of training -> {column: list of floats}."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]} if rows else {}


def recall_over_updates(runs):
    """eval_log.csv of a row's runs -> (updates, R@10 mean over the runs), empty without them."""
    paths = [run.folder / "eval_log.csv" for run in runs]
    logs = [log for path in paths if path.exists() and (log := read_log(path))]
    steps = logs[0]["step"] if logs else []
    same = [log["R@10"] for log in logs if log["step"] == steps]
    return steps, np.mean(same, axis=0) if same else []


def plot(comparison, result, path):
    """Writes the picture; rows in the order of the table, the best on top is not looked for."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = list(result.systems)
    if not rows:
        return
    losses = len({row.loss for row in rows})
    labels = [f"{row.name} ({row.loss})" if losses > 1 else row.name for row in rows]
    height = max(4, 0.32 * len(rows) + 1.6)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, height), layout="constrained")
    colours = matplotlib.colormaps["tab20"](np.arange(len(rows)) % 20)
    for place, (row, label, colour) in enumerate(zip(rows, labels, colours, strict=True)):
        recalls = result.systems[row].means(recall_name(SHOWN))
        left.plot(recalls, [place] * len(recalls), "o", color=colour, alpha=0.5, markersize=5)
        left.plot(recalls.mean(), place, "|", color=colour, markersize=20, markeredgewidth=2.5)
        steps, curve = recall_over_updates(result.runs[row])
        if len(steps):
            right.plot(steps, curve, color=colour, label=label, marker=".")
    left.set(yticks=range(len(rows)), yticklabels=labels, xlabel=f"{recall_name(SHOWN)} (%)")
    left.set_title("Mean (bar) and seeds (points)")
    left.invert_yaxis()
    right.set(xlabel="update", ylabel=f"{recall_name(SHOWN)} (%)", title="Averaged weights")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    if right.lines:
        figure.legend(fontsize=8, loc="outside right upper")
    figure.suptitle(f"{datasets.READERS[comparison.dataset].TITLE}, {comparison.data_path}")
    with whole_file(path, "wb") as file:
        figure.savefig(file, dpi=110, format="png")
    pyplot.close(figure)
