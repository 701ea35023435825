#!/usr/bin/env bash
# VAL from data to pictures on drawn garments: bash scripts/run_demo.sh [fashion_iq|shoes|fashion200k|all]
# About 8 minutes a data set on 2 cores. Ends with a table and results/demo_*.png.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-fashion_iq}" in
    fashion_iq | shoes | fashion200k) names=${1:-fashion_iq} ;;
    all) names="fashion_iq shoes fashion200k" ;;
    *) echo "run_demo.sh: $1 is not one of fashion_iq shoes fashion200k all" >&2; exit 2 ;;
esac
bash scripts/setup.sh
python=.venv/bin/python
backbone=pretrain_model/demo_mobilenet_v1_025/model.ckpt
[[ -f $backbone.index ]] || "$python" -m demo.pretrain_backbone --checkpoint="$backbone"
for name in $names; do
    "$python" -m demo.generate_demo_data --data_path=data/demo --dataset="$name"
    "$python" -m demo.three_runs --dataset="$name"
    "$python" -m demo.report --dataset="$name"
done
