"""Two or more methods on the same queries: recall, and the difference to the first with its
95 % interval.

  python -m reports.compare_runs RANKS_A RANKS_B ... [--protocol=val]

RANKS_A: the folder that test_val.py --save_ranks wrote; of several seeds, their folders with a
comma between, in the same order for all. How the intervals are made: evaluation/paired.py.
"""

import numpy as np

from command_line.errors import InputError, run_main
from command_line.flags import Flags
from evaluation.method_runs import common_measures, difference, read_method_runs
from reports.markdown import table_head, table_row


def mean_and_spread(values):
    """12.34 ± 0.56, the standard deviation over seeds; of one seed 12.34."""
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"


def interval(difference):
    return f"{difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]"


def table(methods):
    """Markdown lines: a row a method and a difference to the first for each measure."""
    names = common_measures(methods)
    lines = table_head(["system", *names, *(f"{name} less the first's" for name in names)])
    for method in methods:
        cells = [mean_and_spread(method.means(name)) for name in names]
        for name in names:
            first = method is methods[0]
            cells.append("" if first else interval(difference(method, methods[0], name)))
        lines.append(table_row([method.name, *cells]))
    return lines


def main(argv):
    folders = [argument for argument in argv if not argument.startswith("--")]
    parser = Flags(__doc__)
    parser.add_argument("--protocol", default="val", help="of the rank files, default val")
    flags = parser.parse_args([argument for argument in argv if argument.startswith("--")])
    if len(folders) < 2:
        raise InputError("give two folders of rank files at least", 2)
    methods = [read_method_runs(names, names.split(","), flags.protocol) for names in folders]
    seeds = len(next(iter(methods[0].categories.values())).ranks)
    print("\n".join(table(methods)))
    print(f"Recall in %, mean over the categories; seeds: {seeds}. Brackets: 95 % intervals over")
    print("triplets" + (" and seeds." if seeds > 1 else "; other seeds may differ by more."))


if __name__ == "__main__":
    run_main(main)
