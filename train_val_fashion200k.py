"""Training of VAL on Fashion200k, whose triplets are drawn anew each epoch (paper section 4.1;
published train_val_fashion200k.py).

    python train_val_fashion200k.py --preset=fashion200k [--checkpoint_dir=...] [--<setting>=...]

The loop, its outputs and its resuming are train_val.py's.
"""

import datasets
from command_line.errors import InputError, run_main
from config import parse_config
from datasets.fashion200k import read_fashion200k
from datasets.fashion200k_pairs import one_word_less, sample_triplets
from datasets.find_images import require_images
from datasets.pair_index import PairIndex
from training.devices import all_devices
from training.examples import build_vocabulary, training_examples
from training.stages import run_training


def main(argv):
    config = parse_config(["--dataset=fashion200k", *argv], __doc__)
    if config.dataset != "fashion200k":
        raise InputError(f"--dataset={config.dataset}: use train_val.py", 2)
    with all_devices():
        datasets.require_data(config.dataset, config.data_path)
        images = read_fashion200k(config.data_path, "train")
        captions = ["replace with", *(image.caption for image in images)]
        vocabulary = build_vocabulary(config, captions)
        found = require_images(config, "", (image.path for image in images))
        paths = {("", name): str(path) for name, path in found.items()}
        index = PairIndex([image for image in images if image.path in found], one_word_less)

        def examples_of_epoch(epoch):
            triplets = sample_triplets(index, config.seed, epoch)
            return training_examples(config, triplets, vocabulary, paths)

        run_training(config, vocabulary, examples_of_epoch)


if __name__ == "__main__":
    run_main(main)
