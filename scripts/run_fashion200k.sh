#!/usr/bin/env bash
# VAL on Fashion200k: 160,000 updates of 32 pairs with MobileNet, then Recall@K.
# Published scores: reports/published_scores.py.
# Flags go to training: bash scripts/run_fashion200k.sh --batch_size=16
set -euo pipefail
preset=fashion200k training=train_val_fashion200k.py
source "$(dirname "$0")/train_extract_test.sh"
