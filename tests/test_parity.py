"""Agreement with the published graph's tensors, where ../shared/golden is there."""

from pathlib import Path

import numpy as np
import pytest

from tests.parity import GRADIENT_LIMIT, LIMIT, compare_file

GOLDEN = Path(__file__).parents[2] / "shared" / "golden"
FILES = (
    "golden_eval_mobilenet_v1_ml_B_64.npz",
    "golden_eval_resnet_v2_50_ml_B_96.npz",
    "golden_losses.npz",
    "golden_train_mobilenet_v1_ml_B_64.npz",
)


@pytest.fixture(scope="module")
def rows():
    return {}


@pytest.mark.parametrize("name", FILES)
def test_published_tensors(name):
    if not (GOLDEN / name).exists():
        pytest.skip(f"no golden files at {GOLDEN}")
    compared = compare_file(GOLDEN / name)
    assert len(compared) > 15
    assert [row for row in compared if not row.error <= row.limit] == []
    if "eval" in name or "losses" in name:
        assert max(row.limit for row in compared) == LIMIT
    if "train" in name:
        gradients = [row.error for row in compared if row.limit == GRADIENT_LIMIT]
        assert len(gradients) > 100 and np.mean(np.array(gradients) <= 1e-3) > 0.85
