#!/usr/bin/env bash
# VAL on Shoes: 30,000 updates of 32 pairs with ResNet-50, then Recall@K.
# Published: R@1/R@10/R@50 17.18/51.52/75.83 (with GloVe).
# Flags go to training: bash scripts/run_shoes.sh --batch_size=16
set -euo pipefail
preset=shoes training=train_val.py
source "$(dirname "$0")/train_extract_test.sh"
