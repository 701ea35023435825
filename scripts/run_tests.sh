#!/usr/bin/env bash
# Lint and tests, two at a time, set-up included: bash scripts/run_tests.sh [pytest flags]
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh --dev
.venv/bin/ruff check .
exec .venv/bin/python -m pytest -n 2 --dist=loadfile --no-loadscope-reorder "$@"
