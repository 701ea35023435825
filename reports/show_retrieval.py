"""Pictures of what is retrieved: a sheet (PNG) and one self-contained page (HTML).

  python -m reports.show_retrieval --feature_dir=save_model/fashion_iq/features [--subset=dress]

Per query: reference image, relative caption, nearest gallery images, correct ones framed, and the
target with its rank. Queries are chosen by the rules the page states (retrieval_examples.py).
Writes <results_dir>/retrieval_<dataset>[_<subset>]_<protocol>.png and .html.
"""

import argparse
from pathlib import Path

from command_line.errors import InputError, run_main
from command_line.files import write_lines
from command_line.flags import Flags
from evaluation.evaluation_set import evaluation_sets
from evaluation.features import find_features
from reports.page import page_lines
from reports.retrieval_examples import fewer, read_examples
from reports.sheet import write_sheet


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--feature_dir", required=True, help="where extraction wrote the features")
    parser.add_argument("--data_path", default="", help="default: the one extraction used")
    parser.add_argument("--subset", default="", help="FashionIQ category; default: all found")
    parser.add_argument("--protocol", default="val", choices=("val", "original"))
    parser.add_argument("--results_dir", default="results")
    parser.add_argument("--top", type=int, default=10, help="images shown per query")
    parser.add_argument("--sheet", type=counts, default=(3, 2, 2), help="hits,near misses,failures")
    parser.add_argument("--page", type=counts, default=(12, 8, 8), help="the same of the page")
    flags = parser.parse_args(argv)
    if flags.top < 1:
        raise InputError(f"--top={flags.top}: must be at least 1", 2)
    found = find_features(flags.feature_dir, flags.subset)
    for evaluation_set in evaluation_sets(found, flags.protocol, flags.data_path):
        path = Path(flags.results_dir, f"retrieval_{evaluation_set.stem}")
        examples = read_examples(evaluation_set, flags.top, flags.page)
        write_sheet(path.with_suffix(".png"), fewer(examples, flags.sheet))
        write_lines(path.with_suffix(".html"), page_lines(examples))
        print(f"{path}.png  {path}.html")
        if missing := examples.unreadable():
            print(f"{len(missing)} of their images have no readable file (first: {missing[0]})")


def counts(text):
    """Three numbers with commas."""
    numbers = tuple(int(number) for number in text.split(","))
    if len(numbers) != 3 or min(numbers) < 0 or sum(numbers) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers with commas, as 4,2,2")
    return numbers


if __name__ == "__main__":
    run_main(main)
