#!/usr/bin/env bash
# Lint and tests, two at a time, set-up included: bash scripts/run_tests.sh [pytest flags]
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh --dev
.venv/bin/ruff check .
# in the order of the folders, not by the number of tests: so the longest files do not come last
exec .venv/bin/python -m pytest -n 2 --dist=loadfile --no-loadscope-reorder "$@"
