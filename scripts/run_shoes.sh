#!/usr/bin/env bash
# VAL on Shoes: 30,000 updates of 32 pairs with ResNet-50, then Recall@K.
# Published: R@1/R@10/R@50 17.18/51.52/75.83 (with GloVe).
# Flags go to training: bash scripts/run_shoes.sh --batch_size=16
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-3}  # TensorFlow's own chatter
python=.venv/bin/python
run=$("$python" -m datasets.check_settings --preset=shoes "$@")  # checks flags and data, prints the run's folder
"$python" train_val.py --preset=shoes "$@"
"$python" generate_groundtruth.py --checkpoint_dir="$run"
"$python" extract_features_val.py --checkpoint_dir="$run"
"$python" test_val.py --feature_dir="$run/features"
