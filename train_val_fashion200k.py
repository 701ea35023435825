"""Training of VAL on Fashion200k, whose triplets are drawn anew each epoch (paper section 4.1;
published train_val_fashion200k.py).

    python train_val_fashion200k.py --preset=fashion200k [--checkpoint_dir=...] [--<setting>=...]

The loop, its outputs and its resuming are train_val.py's.
"""

from command_line.errors import run_main
from config import parse_config


def main(argv):
    config = parse_config(["--dataset=fashion200k", *argv], __doc__)
    from training.stages import train_on_data  # TensorFlow, after the flags were read

    train_on_data(config, __file__)


if __name__ == "__main__":
    run_main(main)
