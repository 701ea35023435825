"""Scores extracted features: Recall@K as in the VAL paper, section 4, and in published test_val.py.

  python test_val.py --feature_dir=save_model/fashion_iq/features [--protocol=val|original|both]

Reads the features and the ground truth beside the data; appends to results/results_<dataset>.log
and results/results.jsonl, and prints the same. Without --subset, all subsets found are scored.
Ranks are counted from 1 in everything that is written or printed.
"""

from pathlib import Path

import datasets
from command_line.errors import run_main
from command_line.flags import Flags, boolean
from evaluation.evaluation_set import load_evaluation_set
from evaluation.features import find_features, read_about
from evaluation.rank_files import write_ranks, write_trec
from evaluation.scores import (
    check_same_checkpoint,
    collapse_warning,
    evaluate,
    mean_lines,
    own_references,
    record,
    wanted_protocols,
)


def parse(argv):
    parser = Flags(__doc__)
    parser.add_argument("--feature_dir", required=True, help="where extraction wrote the features")
    parser.add_argument("--data_path", default="", help="default: the one extraction used")
    parser.add_argument("--subset", default="", help="FashionIQ category; default: all found")
    parser.add_argument("--protocol", default="val", choices=("val", "original", "both"))
    parser.add_argument("--keep_reference", type=boolean, default=False, help="True: leave it in")
    parser.add_argument("--results_dir", default="results")
    parser.add_argument("--save_ranks", default="", help="folder for one JSON line per query")
    parser.add_argument("--save_trec", default="", help="folder for a TREC run and its qrels")
    return parser.parse_args(argv)


def main(argv):
    flags = parse(argv)
    entries = []
    folders = find_features(flags.feature_dir, flags.subset)
    check_same_checkpoint(flags.feature_dir, [read_about(folder) for folder in folders])
    for folder in folders:
        for protocol in wanted_protocols(flags.protocol, read_about(folder)["dataset"]):
            features, evaluation_set = load_evaluation_set(folder, protocol, flags.data_path)
            ranking, numbers = evaluate(evaluation_set, flags.keep_reference)
            about = {**features.about, "data_path": flags.data_path or features.about["data_path"]}
            entries.append(record(flags.results_dir, flags.feature_dir, about, protocol, numbers))
            references = own_references(evaluation_set.truth, flags.keep_reference)
            stem = "_".join(filter(None, (about["dataset"], about["subset"], protocol)))
            if flags.save_ranks:
                path = Path(flags.save_ranks, f"ranks_{stem}.jsonl")
                print(write_ranks(path, evaluation_set, ranking, references))
            if flags.save_trec:
                paths = write_trec(Path(flags.save_trec), stem, evaluation_set, references)
                print(*paths, sep="\n")
            warning = collapse_warning(evaluation_set.gallery, numbers)
            if warning:
                print(f"warning: {warning}")
    for line in mean_lines(entries):
        print(line)
    missing = set(datasets.subsets(about["dataset"])).difference(e["subset"] for e in entries)
    if missing and not flags.subset:
        print(f"no features of {', '.join(sorted(missing))}: no mean over categories")


if __name__ == "__main__":
    run_main(main)
