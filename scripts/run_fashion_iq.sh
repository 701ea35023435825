#!/usr/bin/env bash
# VAL on FashionIQ: 50,000 updates of 32 pairs with ResNet-50, then Recall@K.
# Published scores: reports/published_scores.py.
# Flags go to training: bash scripts/run_fashion_iq.sh --batch_size=16
set -euo pipefail
preset=fashion_iq training=train_val.py
source "$(dirname "$0")/train_extract_test.sh"
