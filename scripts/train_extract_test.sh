# The body of run_fashion_iq.sh, run_shoes.sh and run_fashion200k.sh, which source it:
# `preset` and `training` (the script that trains) are set there; "$@" goes to training.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
python=.venv/bin/python
# Checks flags and data, prints the run's folder.
run=$("$python" -m datasets.check_settings --preset="$preset" "$@")
"$python" "$training" --preset="$preset" "$@"
"$python" generate_groundtruth.py --checkpoint_dir="$run"
"$python" extract_features_val.py --checkpoint_dir="$run"
"$python" test_val.py --feature_dir="$run/features"
