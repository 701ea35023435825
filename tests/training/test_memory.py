"""Freed memory stays with the process."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import resource, sys
import numpy as np
from training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
for size in [2**26] * 20:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(size, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(*arguments):
    """Of the last of twenty arrays of 64 MiB, each freed before the next."""
    command = [sys.executable, "-c", CODE, *arguments]
    root = Path(__file__).parents[2]
    return int(subprocess.run(command, cwd=root, check=True, capture_output=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no glibc here: nothing to set")
def test_a_freed_block_is_used_again_without_page_faults():
    assert page_faults("kept") < 10 < page_faults("given back")
