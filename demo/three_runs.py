"""The demo's three runs of one data set, by the scripts that a user calls.

    python -m demo.three_runs --dataset=fashion_iq

VAL and what it is compared with, as in compare.py; a run that is trained is only scored again.
"""

from command_line.errors import InputError, run_main
from command_line.flags import Flags
from comparison.plan import Row, Run
from comparison.runs import RunFailed, Scripts, groundtruth, score, train
from config import parse_config
from demo.generate_demo_data import RELEASED
from demo.report import RUNS, run_folder


def demo_run(dataset, composition):
    """A run on the demo's settings."""
    argv = ("--preset=demo", f"--dataset={dataset}", f"--data_path=data/demo/{dataset}",
            f"--composition={composition}",
            f"--checkpoint_dir={run_folder(dataset, composition)}")  # fmt: skip
    config = parse_config(argv, "")
    return Run(Row(composition, (), config.loss), f"{config.init_learning_rate:g}", config.seed,
               argv, config)  # fmt: skip


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--dataset", choices=RELEASED, default="fashion_iq")
    parser.add_argument("--results_dir", default="results")
    flags = parser.parse_args(argv)
    with Scripts("save_model/demo") as scripts:
        try:
            groundtruth(scripts, flags.dataset, f"data/demo/{flags.dataset}")
            for composition in RUNS:
                run = demo_run(flags.dataset, composition)
                train(scripts, run)
                score(scripts, run, flags.results_dir)
        except RunFailed as error:
            raise InputError(str(error)) from None


if __name__ == "__main__":
    run_main(main)
