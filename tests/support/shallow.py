"""MobileNet with 5 blocks in place of 13, the same kinds of layer and the same maps; ResNet with 4
units in place of 16: for tests that build, trace or export one often and ask no depth."""

import contextlib
import re
from pathlib import Path

import pytest

BLOCKS = [(64, 2), (128, 2), (512, 2), (512, 1), (1024, 2)]
LEVELS = (3, 4, 5)
UNITS = [(64, 1, 2), (128, 1, 2), (256, 1, 2), (512, 1, 1)]


def make_shallow(monkeypatch):
    """This process's nets."""
    monkeypatch.setattr("nets.resnet_v2.BLOCKS", UNITS)
    monkeypatch.setattr("nets.mobilenet_v1.BLOCKS", BLOCKS)
    monkeypatch.setattr("nets.mobilenet_v1.LEVELS", LEVELS)


@pytest.fixture(autouse=True)
def always_shallow(monkeypatch):
    """Imported in a folder's conftest.py: each of its tests."""
    make_shallow(monkeypatch)


@contextlib.contextmanager
def shallow_net():
    """The same within it, for fixtures of more than a test."""
    with pytest.MonkeyPatch.context() as patch:
        make_shallow(patch)
        yield


def make_copy_shallow(folder):
    """MobileNet of a copy of the repository."""
    path = Path(folder, "nets/mobilenet_v1.py")
    text = path.read_text("utf-8")
    text, count = re.subn(r"^BLOCKS = \[.*?^\]", f"BLOCKS = {BLOCKS}", text, flags=re.M | re.S)
    text, others = re.subn(r"^LEVELS = \(.*?\)", f"LEVELS = {LEVELS}", text, flags=re.M)
    assert count == others == 1
    path.write_text(text, "utf-8")
