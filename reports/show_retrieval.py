"""Pictures of what is retrieved: a sheet (PNG) and one self-contained page (HTML).

  python -m reports.show_retrieval --feature_dir=save_model/fashion_iq/features [--subset=dress]

Per query: reference image, relative caption, nearest gallery images, correct ones framed, and the
target with its rank. Queries are chosen by the rules the page states (reports/cases.py).
Writes <results_dir>/retrieval_<dataset>[_<subset>]_<protocol>.png and .html.
"""

import argparse
from pathlib import Path

from command_line.errors import InputError, run_main
from command_line.files import write_lines
from command_line.flags import Flags
from evaluation.features import find_features, read_about
from reports.cases import fewer, read_cases, unreadable
from reports.page import page_lines
from reports.sheet import Sheet


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
    for folder in find_features(flags.feature_dir, flags.subset):
        about = read_about(folder)
        stem = "_".join(filter(None, (about["dataset"], about["subset"], flags.protocol)))
        path = Path(flags.results_dir, f"retrieval_{stem}")
        cases = read_cases(folder, flags.protocol, flags.data_path, flags.top, flags.page)
        Sheet(fewer(cases, flags.sheet)).paint().save(path.with_suffix(".png"))
        write_lines(path.with_suffix(".html"), page_lines(cases))
        print(f"{path}.png  {path}.html")
        missing = unreadable(cases)
        if missing:
            print(f"{len(missing)} of their images have no readable file (first: {missing[0]})")


def counts(text):
    """Three numbers with commas."""
    numbers = tuple(int(number) for number in text.split(","))
    if len(numbers) != 3 or min(numbers) < 0 or sum(numbers) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers with commas, as 4,2,2")
    return numbers


if __name__ == "__main__":
    run_main(main)
