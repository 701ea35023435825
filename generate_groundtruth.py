"""Which gallery images are correct for each test query, as small sparse files beside the data.

Writes <data_path>/groundtruth[_<subset>]_<protocol>.npz for every subset and protocol; where it
can't, says so, and test_val.py makes the same in memory:
  python generate_groundtruth.py --dataset=fashion_iq [--data_path=data/fashion_iq]
  python generate_groundtruth.py --checkpoint_dir=DIR   (both from its config.json)
"""

from pathlib import Path

import datasets
from command_line.errors import InputError, run_main
from command_line.flags import Flags
from datasets.released_files import field, read_json
from evaluation.groundtruth import (
    build_groundtruth,
    groundtruth_path,
    is_same,
    load_groundtruth,
    save_groundtruth,
)


def main(argv):
    parser = Flags(__doc__, bare=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--checkpoint_dir", help="folder of a run; its config.json says which data")
    source.add_argument("--dataset", choices=tuple(datasets.READERS))
    parser.add_argument("--data_path", help="root of the data set; default data/<dataset>")
    flags = parser.parse_args(argv)
    dataset, data_path = flags.dataset, flags.data_path
    if flags.checkpoint_dir:
        path = Path(flags.checkpoint_dir, "config.json")
        config = read_json(path, dict)
        dataset = field(config, "dataset", path)
        data_path = data_path or field(config, "data_path", path)
    data_path = data_path or f"data/{dataset}"
    datasets.require_data(dataset, data_path, images=False)
    for subset in datasets.subsets(dataset):
        for protocol in datasets.protocols(dataset):
            groundtruth = build_groundtruth(dataset, data_path, subset, protocol)
            path = groundtruth_path(data_path, subset, protocol)
            queries, gallery = groundtruth.correct.shape
            note = write(path, groundtruth)
            print(f"{path}: {queries:,} queries, {gallery:,} gallery images{note}")


def write(path, groundtruth):
    """Writes the file -> what to say if that can't be, which is no error unless one of other data
    stays."""
    try:
        save_groundtruth(path, groundtruth)
    except OSError as error:
        if not path.exists():
            return f"; not written ({error.strerror}), test_val.py makes it in memory"
        if not is_same(load_groundtruth(path), groundtruth):
            raise InputError(f"{path}: of other data, can't be written: {error.strerror}") from None
        return f"; there already ({error.strerror})"
    return ""


if __name__ == "__main__":
    run_main(main)
