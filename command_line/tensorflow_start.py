"""TensorFlow starts without a word, sooner, with its fast kernels.

While it is imported, TensorFlow 2.21 writes to the terminal whatever TF_CPP_MIN_LOG_LEVEL says
("oneDNN custom operations are on"), afterwards from that level on ("failed call to cuInit").
Whoever sets TF_CPP_MIN_LOG_LEVEL to another level, as 0, hears everything from there on.

TensorFlow leaves oneDNN off on x86 CPUs without AVX-512, where a training update takes 1.3 to 1.6
times as long without it (benchmarks/README.md). Whoever sets TF_ENABLE_ONEDNN_OPTS decides.
"""

import contextlib
import gc
import importlib.abc
import importlib.util
import os
import platform
import sys

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ERRORS_RAISED = "3"  # neither warnings nor errors: those that matter arrive as exceptions too


def start_tensorflow():
    """To be called before TensorFlow is imported; changes nothing after that. run_main does, and
    each room whose modules import TensorFlow."""
    if "tensorflow" in sys.modules:
        return
    with contextlib.suppress(ImportError):  # the catalogue says what it needs
        import sqlite3  # noqa: F401 - first: TensorFlow brings an SQLite of its own, without FTS5
    if platform.machine() in ("x86_64", "AMD64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # A child inherits the level, but not the quiet import.
    quiet = os.environ.setdefault(LEVEL, ERRORS_RAISED) == ERRORS_RAISED
    if quiet and not any(isinstance(finder, QuietImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, QuietImport())


class QuietImport(importlib.abc.MetaPathFinder):
    """The first import of TensorFlow, or of Keras, which imports it: standard error is closed, and
    it takes less time."""

    def find_spec(self, name, path=None, target=None):
        if name not in ("tensorflow", "keras"):
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec and spec.loader:
            run = spec.loader.exec_module

            def run_quietly(module):
                with without_stderr(), sooner():
                    run(module)

            spec.loader.exec_module = run_quietly
        return spec


@contextlib.contextmanager
def sooner():
    """Without the garbage collector, which finds nothing in what is only being made (0.5 s), and
    without matplotlib, which Keras imports for galleries that nobody here draws (0.8 s)."""
    hidden = sys.modules.setdefault("matplotlib", None) is None
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.freeze()  # nor does it look at them later
            gc.enable()
        if hidden:
            del sys.modules["matplotlib"]


@contextlib.contextmanager
def without_stderr():
    """Standard error of the whole process, C++ included, goes nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
