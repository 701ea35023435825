"""Smallest data sets in the released formats, and where the real annotations are."""

import json
import re
from contextlib import contextmanager
from pathlib import Path

import pytest

from command_line.errors import InputError
from datasets.fashion_iq import CATEGORIES

ANNOTATIONS = Path(__file__).parents[3] / "shared" / "annotations"
real = pytest.mark.skipif(not ANNOTATIONS.exists(), reason="no ../shared/annotations here")
FASHION_IQ, SHOES = ANNOTATIONS / "fashion_iq", ANNOTATIONS / "shoes"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, (bytes, str)) else json.dumps(content)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


@contextmanager
def maybe_input_error(message):
    """What is within may raise InputError, if it matches."""
    try:
        yield
    except InputError as error:
        assert re.search(message, str(error)), error


def small_fashion_iq(root):
    """Six images and two entries per category and split."""
    for category in CATEGORIES:
        for split in ("train", "val"):
            names = [f"{category[0].upper()}{split[0].upper()}0000000{i}" for i in range(6)]
            pairs = [(names[0], names[1], ["is red", " "]), (names[2], names[1], ["a; b", "é"])]
            rows = [{"candidate": r, "target": t, "captions": c} for r, t, c in pairs]
            write(root / f"captions/cap.{category}.{split}.json", rows)
            write(root / f"image_splits/split.{category}.{split}.json", names)
    return root


def small_fashion200k(root, prefix="women/"):
    labels = {
        "a_train": ["d/x/1/1_0.jpeg\t0.9\tred long dress", "d/x/2/2_0.jpeg\t0.9\tblue long dress"],
        "a_test": ["d/x/3/3_0.jpeg\t0.9\tred dress", "d/x/4/4_0.jpeg\t0.8\tblue dress"],
        "b_test": ["t/x/5/5_0.jpeg\t0.7\tblue dress"],
    }
    for name, lines in labels.items():
        text = "".join(f"{prefix}{line}\n" for line in lines)
        write(root / f"labels/{name}_detect_all.txt", text)
    write(root / "test_queries.txt", f"{prefix}d/x/3/3_0.jpeg {prefix}d/x/4/4_0.jpeg\n")
    return root
