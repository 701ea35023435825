#!/usr/bin/env bash
# Makes .venv and installs requirements.txt (--catalogue, --database, --onnx: also the requirements file of
# that name, --dev: also requirements-dev.txt, which takes in all); returns at once when nothing changed.
# PYTHON=/path/to/python chooses the interpreter; the default is the newest of 3.10 to 3.13 on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=requirements.txt
case "${1:-}" in
    "") ;;
    --catalogue) requirements=requirements-catalogue.txt ;;
    --database) requirements=requirements-database.txt ;;
    --onnx) requirements=requirements-onnx.txt ;;
    --dev) requirements=requirements-dev.txt ;;
    *) echo "setup.sh: unknown flag $1 (only --catalogue, --database, --onnx or --dev)" >&2; exit 2 ;;
esac

digest=$(cat requirements*.txt | cksum)
serving=("$requirements" requirements-dev.txt)  # sets that hold what is asked for
[[ $requirements == requirements.txt ]] && serving+=(requirements-{catalogue,database,onnx}.txt)
for stamp in "${serving[@]/#/.venv/installed-}"; do
    if [[ -x .venv/bin/python && -f $stamp && $(cat "$stamp") == "$digest" ]]; then exit 0; fi
done

supported='import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'
candidates=(python3.13 python3.12 python3.11 python3.10 python3 python)
if [[ -n ${PYTHON:-} ]]; then candidates=("$PYTHON"); fi
python=""
for candidate in "${candidates[@]}"; do
    if "$candidate" -c "$supported" >/dev/null 2>&1; then python=$candidate; break; fi
done
if [[ -z $python ]]; then
    echo "setup.sh: no Python 3.10 to 3.13 with venv found (tried: ${PYTHON:-python3.13 ... python3}); install one or set PYTHON=/path/to/python" >&2
    exit 1
fi

echo "setup.sh: installing $requirements into .venv with $("$python" --version), a few minutes once"
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$requirements"
for stamp in .venv/installed-*; do  # what the same files asked for before is there still
    [[ -f $stamp && $(cat "$stamp") == "$digest" ]] || rm -f "$stamp"
done
echo "$digest" > ".venv/installed-$requirements"
