"""Training of VAL on FashionIQ and Shoes (paper section 4; published train_val.py).

    python train_val.py --preset=fashion_iq [--checkpoint_dir=...] [--<setting>=...]

Writes <checkpoint_dir>/{config.json, vocab.txt, train_log.csv, eval_log.csv, model.ckpt-<step>.*}.
The same command again goes on from the last checkpoint.
"""

from command_line.errors import run_main
from config import parse_config


def main(argv):
    config = parse_config(argv, __doc__)
    from training.stages import train_on_data  # TensorFlow, after the flags were read

    train_on_data(config, __file__)


if __name__ == "__main__":
    run_main(main)
