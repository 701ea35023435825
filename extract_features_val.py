"""Features of a data set's validation queries and gallery (published extract_features_val.py).

    python extract_features_val.py --checkpoint_dir=save_model/fashion_iq [--subset=dress]

Everything that changes a number comes from the run's config.json. Writes, per subset,
<feature_dir>[/<subset>]/{query_images.npy, test_images.npy} (float32, rows of unit norm per
level), their names (queries.jsonl, test_images.txt) and, last, features.json.
"""

from dataclasses import replace
from pathlib import Path

import datasets
from command_line.errors import InputError, run_main
from command_line.flags import Flags

PRECISIONS = ("float32", "mixed_bfloat16")


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--checkpoint_dir", required=True, help="a trained run")
    parser.add_argument("--exact_model_checkpoint", default="", help="default: the newest")
    parser.add_argument("--data_path", default="", help="other data; default: the run's own")
    parser.add_argument("--subset", default="", help="FashionIQ category; default: all")
    parser.add_argument("--feature_dir", default="", help="default: <checkpoint_dir>/features")
    parser.add_argument("--batch_size", type=int, default=32, help="images at a time, default 32")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS, help="of the layers")
    flags = parser.parse_args(argv)
    if flags.batch_size < 1:
        raise InputError(f"--batch_size={flags.batch_size}: must be at least 1", 2)

    # TensorFlow, after the flags were read
    from checkpointing.precision import slow_precision
    from checkpointing.run import load_trained_model
    from evaluation.encoder import Encoder
    from evaluation.extraction import extract_subset, wanted_subsets

    model, config, vocabulary, path = load_trained_model(
        flags.checkpoint_dir, flags.exact_model_checkpoint, flags.precision
    )
    if flags.data_path:
        config = replace(config, data_path=flags.data_path)
    subsets = wanted_subsets(flags.subset, config.dataset)
    datasets.require_data(config.dataset, config.data_path)
    feature_dir = Path(flags.feature_dir or Path(flags.checkpoint_dir, "features"))
    if warning := slow_precision(flags.precision):
        print(warning, flush=True)
    encoder = Encoder(model, config, flags.batch_size)
    for subset in subsets:
        extract_subset(encoder, vocabulary, path, subset, feature_dir / subset, flags.precision)
    print(f"features of {path}: {feature_dir}")


if __name__ == "__main__":
    run_main(main)
