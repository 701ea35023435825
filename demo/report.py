"""The demo's summary of one data set: a table, results/demo_{training,retrieval}.png.

    python -m demo.report --dataset=fashion_iq

Reads the last evaluation of each demo run in results/results.jsonl, and the runs' training logs.
"""

import json
from pathlib import Path

import matplotlib
import numpy as np

import datasets
from command_line.errors import InputError, run_main
from command_line.flags import Flags
from comparison.plot import read_log
from demo.generate_demo_data import RELEASED
from evaluation.evaluation_set import evaluation_sets
from evaluation.features import find_features
from evaluation.recall import PUBLISHED_RECALLS, recall_name
from reports.retrieval_examples import read_examples
from reports.sheet import write_sheet

RUNS = {"val": "VAL", "image_only": "reference image alone", "text_only": "caption alone"}
RECALLS = [recall_name(k) for k in PUBLISHED_RECALLS]


def run_folder(dataset, composition):
    """Where demo.three_runs keeps a run; scripts/run_search.sh names VAL's too."""
    return Path("save_model", "demo", f"{dataset}_{composition}")


def last_evaluations(dataset, results):
    """{composition: {subset: last entry}} of the demo runs in results.jsonl."""
    found = {composition: {} for composition in RUNS}
    lines = Path(results, "results.jsonl").read_text(encoding="utf-8").splitlines()
    for entry in map(json.loads, lines):
        for composition, subsets in found.items():
            features = str(run_folder(dataset, composition) / "features")
            if entry["feature_dir"] == features and entry["protocol"] == "val":
                subsets[entry["subset"]] = entry
    for composition, subsets in found.items():
        missing = set(datasets.subsets(dataset)) - set(subsets)
        if missing:
            raise InputError(f"{results}/results.jsonl: no evaluation of {composition} {missing}")
    return found


def table(dataset, evaluations):
    """Lines of the final table: means over the subsets, protocol val."""
    anyone = evaluations["val"].values()
    queries, gallery = (sum(entry[key] for entry in anyone) for key in ("queries", "gallery"))
    parts = f" in {len(anyone)} categories" if len(anyone) > 1 else ""
    lines = [
        f"demo {dataset}: {queries} queries against {gallery} gallery images{parts}",
        f"{'recall in %':<24}" + "".join(f"{name:>8}" for name in RECALLS),
    ]
    for composition, label in RUNS.items():
        means = [np.mean([e[r] for e in evaluations[composition].values()]) for r in RECALLS]
        lines.append(f"{label:<24}" + "".join(f"{mean:>8.2f}" for mean in means))
    chance = [np.mean([entry[f"chance_{r}"] for entry in anyone]) for r in RECALLS]
    return [*lines, f"{'chance':<24}" + "".join(f"{mean:>8.2f}" for mean in chance)]


def plot_training(dataset, path):
    """Loss and R@10 over updates of the three runs."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for composition, label in RUNS.items():
        folder = run_folder(dataset, composition)
        losses, recalls = read_log(folder / "train_log.csv"), read_log(folder / "eval_log.csv")
        left.plot(losses["step"], losses["loss"], label=label)
        right.plot(recalls["step"], recalls["R@10"], marker="o", label=label)
    left.set(xlabel="update", ylabel="loss", title="Training loss", ylim=(0, None))
    right.set(xlabel="update", ylabel="R@10 (%)", title="Validation, averaged weights")
    right.set_ylim(0, 100)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    right.legend(loc="best")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--dataset", choices=RELEASED, default="fashion_iq")
    parser.add_argument("--results_dir", default="results")
    flags = parser.parse_args(argv)
    evaluations = last_evaluations(flags.dataset, flags.results_dir)
    suffix = "" if flags.dataset == parser.get_default("dataset") else f"_{flags.dataset}"
    training = Path(flags.results_dir, f"demo_training{suffix}.png")
    retrieval = Path(flags.results_dir, f"demo_retrieval{suffix}.png")
    plot_training(flags.dataset, training)
    subset = datasets.subsets(flags.dataset)[0]
    found = find_features(run_folder(flags.dataset, "val") / "features", subset)
    write_sheet(retrieval, read_examples(next(evaluation_sets(found)), top=5))
    print("\n".join(["", *table(flags.dataset, evaluations), "", f"{training}  {retrieval}"]))


if __name__ == "__main__":
    run_main(main)
