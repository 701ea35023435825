#!/usr/bin/env bash
# VAL on Shoes: 30,000 updates of 32 pairs with ResNet-50, then Recall@K.
# Published scores: reports/published_scores.py.
# Flags go to training: bash scripts/run_shoes.sh --batch_size=16
set -euo pipefail
preset=shoes training=train_val.py
source "$(dirname "$0")/train_extract_test.sh"
