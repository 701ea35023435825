"""Scripts in a Python where TensorFlow and Keras can't be imported."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFUSING = """
import os, runpy, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in ("tensorflow", "keras"):
            raise ModuleNotFoundError("refused", name=name)
sys.meta_path.insert(0, Refuse())
for argv in {commands!r}:
    sys.argv, sys.path[0] = argv, os.path.dirname(os.path.abspath(argv[0]))
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
"""


def run_without_tensorflow(*commands):
    script = REFUSING.format(commands=commands)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr
