#!/usr/bin/env bash
# Compositions of the field and parts of VAL on the demo's three data sets, each tuned, three seeds:
#   bash scripts/run_comparison.sh [fashion_iq|shoes|fashion200k|all] [--quick=True] [--<flag>=...]
# Hours: 23 rows a data set, five runs each of about a minute and a half on 2 cores; it says how many
# are left, can be stopped at any time and goes on. --runs_at_once=2: a run a core, a data set in under two
# hours; --image_cache=data/cache: a tenth less, the same figures.
# --quick=True: val, sum and tirg, one seed, one rate, 250 updates: comparison_*_quick.*, minutes.
# Other flags go to compare.py, such as --compositions=field. Ends with results/comparison_*.{md,csv,png}.
set -euo pipefail
cd "$(dirname "$0")/.."
names="fashion_iq shoes fashion200k"
case "${1:-all}" in
    fashion_iq | shoes | fashion200k) names=$1; shift ;;
    all) [[ $# == 0 ]] || shift ;;
    --*) ;;
    *) echo "run_comparison.sh: $1 is not one of fashion_iq shoes fashion200k all" >&2; exit 2 ;;
esac
bash scripts/setup.sh
python=.venv/bin/python
backbone=pretrain_model/demo_mobilenet_v1_025/model.ckpt
[[ -f $backbone.index ]] || "$python" -m demo.pretrain_backbone --checkpoint="$backbone"
rows=()  # of --quick=True: its own
if [[ " $* " != *" --quick=True "* ]]; then
    rows=(--compositions=field,parts)
    echo "run_comparison.sh: hours a data set; stop it at any time, the same command goes on"
fi
for name in $names; do
    "$python" -m demo.generate_demo_data --data_path=data/demo --dataset="$name"
    "$python" -m demo.generate_demo_data --data_path=data/demo --dataset="${name}_tuning"
    "$python" compare.py --preset=demo --dataset="$name" ${rows[@]+"${rows[@]}"} "$@"
done
