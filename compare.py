"""Compositions and parts of VAL on equal terms: one table, with intervals.

    python compare.py --preset=demo --dataset=fashion_iq --compositions=val,tirg --seeds=0,1,2

Trains, extracts and scores every row with every seed, at the learning rate that does best on a
tuning part; writes results/comparison_<dataset>.{md,csv,png}. The same command again goes on. Rows:
field, parts, or names as of --composition, with settings: val:gate_activation=False. Settings of
all runs follow as for train_val.py.
"""

from pathlib import Path

import datasets
from command_line.errors import InputError, run_main
from command_line.flags import Flags, boolean
from comparison.harness import Comparison, compare
from comparison.plan import parse_numbers, parse_rows, refuse_owned
from comparison.report import write_report
from comparison.runs import RunFailed, Scripts
from config import DATASETS, PRESETS

DEMO_RATES, RATES = "3e-4,1e-3,3e-3", "2e-5,6.3e-5,2e-4"
QUICK = dict(  # defaults of a look, whose shorter runs lie apart
    compositions="val,sum,tirg", seeds="0", rates="1e-3", compare_dir="save_model/compare_quick"
)


def parse(argv):
    """-> (flags, settings of all runs)"""
    parser = Flags(__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="demo")
    parser.add_argument("--dataset", choices=DATASETS, help="default the preset's, or fashion_iq")
    parser.add_argument("--data_path", help="default data/<dataset>; demo: data/demo/<dataset>")
    parser.add_argument("--tuning_data", help="default a tenth of training; demo: its own")
    parser.add_argument("--compositions", default="field", help="rows; default field")
    parser.add_argument("--losses", default="triplet", help="triplet, softmax or both")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--rates", help=f"default {RATES}; demo: {DEMO_RATES}; one: no tuning")
    parser.add_argument("--quick", type=boolean, default=False, help="a look: three short runs")
    parser.add_argument("--runs_at_once", type=int, default=1, help="each with its cores")
    parser.add_argument("--compare_dir", default="save_model/compare", help="where the runs are")
    parser.add_argument("--results_dir", default="results")
    flags, settings = parser.parse_known_args(argv)
    if flags.quick:
        if flags.preset != "demo":
            raise InputError("--quick=True: a look at the demo; other presets learn for longer", 2)
        parser.set_defaults(**QUICK)
        flags, settings = parser.parse_known_args(argv)
        settings = ["--train_length=250", *settings]
    demo = flags.preset == "demo"
    flags.dataset = flags.dataset or PRESETS[flags.preset].get("dataset", "fashion_iq")
    flags.data_path = flags.data_path or f"data/{'demo/' * demo}{flags.dataset}"
    flags.tuning_data = flags.tuning_data or (f"{flags.data_path}_tuning" if demo else "")
    flags.rates = flags.rates or (DEMO_RATES if demo else RATES)
    return flags, settings


def main(argv):
    flags, settings = parse(argv)
    seeds, rates = parse_numbers("seeds", flags.seeds, int), flags.rates.split(",")
    if min(parse_numbers("rates", flags.rates, float)) <= 0:
        raise InputError(f"--rates={flags.rates}: must be above 0", 2)
    refuse_owned(setting.split("=")[0].removeprefix("--") for setting in settings)
    rows = parse_rows(flags.compositions, list(dict.fromkeys(flags.losses.split(","))))
    datasets.require_data(flags.dataset, flags.data_path)
    if flags.tuning_data and len(rates) > 1:
        datasets.require_data(flags.dataset, flags.tuning_data)
    base = [f"--preset={flags.preset}", f"--dataset={flags.dataset}", "--keep_checkpoints=1"]
    root = Path(flags.compare_dir, flags.dataset)
    data = flags.data_path, flags.tuning_data
    comparison = Comparison(flags.dataset, *data, base + settings, rates, seeds, root)
    stem = Path(flags.results_dir, f"comparison_{flags.dataset}{'_quick' * flags.quick}")
    with Scripts(root, flags.runs_at_once) as scripts:
        try:
            result = compare(scripts, comparison, rows)
            paths = write_report(scripts, comparison, rows, result, stem)
        except RunFailed as error:  # of a script that is no run's
            raise InputError(str(error)) from None
    print(*paths, sep="\n")
    if result.failures:
        raise InputError("\n".join(["these runs failed:", *result.failures]))


if __name__ == "__main__":
    run_main(main)
