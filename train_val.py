"""Training of VAL on FashionIQ and Shoes (paper section 4; published train_val.py).

    python train_val.py --preset=fashion_iq [--checkpoint_dir=...] [--<setting>=...]

Writes <checkpoint_dir>/{config.json, vocab.txt, train_log.csv, eval_log.csv, model.ckpt-<step>.*}.
The same command again goes on from the last checkpoint.
"""

import datasets
from command_line.errors import InputError, run_main
from config import parse_config
from training.devices import all_devices
from training.examples import build_vocabulary, training_examples, training_paths
from training.stages import run_training


def main(argv):
    config = parse_config(argv, __doc__)
    if config.dataset == "fashion200k":
        raise InputError("--dataset=fashion200k: use train_val_fashion200k.py", 2)
    with all_devices():
        datasets.require_data(config.dataset, config.data_path)
        triplets = datasets.read_train_triplets(config.dataset, config.data_path)
        vocabulary = build_vocabulary(config, [triplet.caption for triplet in triplets])
        examples = training_examples(config, triplets, vocabulary, training_paths(config, triplets))
        run_training(config, vocabulary, lambda epoch: examples)


if __name__ == "__main__":
    run_main(main)
