"""Scores extracted features: Recall@K as in the VAL paper, section 4, and in published test_val.py.

  python test_val.py --feature_dir=save_model/fashion_iq/features [--protocol=val|original|both]

Reads the features and the ground truth beside the data; appends to results/results_<dataset>.log
and results/results.jsonl, and prints the same. Without --subset, all subsets found are scored.
Ranks are counted from 1 in everything that is written or printed.
"""

import datasets
from command_line.errors import run_main
from command_line.flags import Flags, boolean
from evaluation.evaluation_set import evaluation_sets
from evaluation.features import find_features
from evaluation.following import judge_all
from evaluation.rank_files import DEPTH, write_ranks, write_trec
from evaluation.scores import check_same_checkpoint, collapse_warning, evaluate, mean_lines, record


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--feature_dir", required=True, help="where extraction wrote the features")
    parser.add_argument("--data_path", default="", help="default: the one extraction used")
    parser.add_argument("--subset", default="", help="FashionIQ category; default: all found")
    parser.add_argument("--protocol", default="val", choices=("val", "original", "both"))
    parser.add_argument("--keep_reference", type=boolean, default=False, help="True: leave it in")
    parser.add_argument("--results_dir", default="results")
    parser.add_argument("--save_ranks", default="", help="folder for one JSON line per query")
    parser.add_argument("--save_trec", default="", help="folder for a TREC run and its qrels")
    flags = parser.parse_args(argv)
    found = find_features(flags.feature_dir, flags.subset)
    check_same_checkpoint(flags.feature_dir, found.values())
    asked, entries = (flags.protocol, flags.data_path, flags.keep_reference), []
    for evaluation_set in evaluation_sets(found, *asked):
        ranking = evaluation_set.rank(DEPTH if flags.save_ranks or flags.save_trec else 0)
        judged = judge_all(evaluation_set)
        numbers = evaluate(evaluation_set, ranking, judged)
        entries.append(record(flags.results_dir, flags.feature_dir, evaluation_set, numbers))
        if flags.save_ranks:
            print(write_ranks(flags.save_ranks, evaluation_set, ranking, judged))
        if flags.save_trec:
            print(*write_trec(flags.save_trec, evaluation_set, ranking), sep="\n")
        if warning := collapse_warning(evaluation_set.gallery, numbers):
            print(f"warning: {warning}")
    for line in mean_lines(entries):
        print(line)
    missing = {*datasets.subsets(entries[0]["dataset"])} - {entry["subset"] for entry in entries}
    if missing and not flags.subset:
        print(f"no features of {', '.join(sorted(missing))}: no mean over categories")


if __name__ == "__main__":
    run_main(main)
