"""For the run scripts: checks a run's flags and that its data is there, prints the run's folder.

python -m datasets.check_settings --preset=fashion_iq [--<setting>=...]
"""

from command_line.errors import run_main
from config import parse_config
from datasets import require_data


def main(argv):
    config = parse_config(argv, __doc__)
    require_data(config.dataset, config.data_path)
    print(config.checkpoint_dir)


if __name__ == "__main__":
    run_main(main)
