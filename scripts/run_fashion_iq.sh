#!/usr/bin/env bash
# VAL on FashionIQ: 50,000 updates of 32 pairs with ResNet-50, then Recall@K.
# Published: R@10/R@50 22.53/44.00 dress, 22.38/44.15 shirt, 27.53/51.68 toptee (with GloVe).
# Flags go to training: bash scripts/run_fashion_iq.sh --batch_size=16
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-3}  # TensorFlow's own chatter
python=.venv/bin/python
run=$("$python" -m datasets.check_settings --preset=fashion_iq "$@")  # checks flags and data, prints the run's folder
"$python" train_val.py --preset=fashion_iq "$@"
"$python" generate_groundtruth.py --checkpoint_dir="$run"
"$python" extract_features_val.py --checkpoint_dir="$run"
"$python" test_val.py --feature_dir="$run/features"
