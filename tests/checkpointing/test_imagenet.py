"""Real weights: photographs through ImageNet's MobileNet beside an independent float64 program."""

from pathlib import Path

import numpy as np
import pytest

from checkpointing.published_names import restore_image_encoder
from nets.mobilenet_v1 import mobilenet_v1

SHARED = Path(__file__).parents[3] / "shared"
GOLDEN = SHARED / "golden" / "golden_imagenet_mobilenet_v1_224.npz"
WEIGHTS = SHARED / "pretrained" / "mobilenet_v1_1.0_224"

pytestmark = pytest.mark.skipif(
    not (GOLDEN.exists() and WEIGHTS.exists()), reason="no ../shared with ImageNet's weights here"
)


def test_imagenet_weights_are_read_right():
    golden = np.load(GOLDEN)
    net = mobilenet_v1(224, 1.0, 0.9997, 4e-5)
    assert restore_image_encoder(net, WEIGHTS) == []
    maps = net(golden["pixels"] / np.float32(127.5) - 1, training=False)
    for name, ours in zip((6, 10, 13), maps, strict=True):
        means = golden[f"mean_Conv2d_{name}_pointwise"]
        off = np.abs(ours.numpy().mean((1, 2)) - means).max() / np.abs(means).max()
        assert off < 1e-5
    last = golden["map_Conv2d_13_pointwise"]
    assert np.abs(maps[-1].numpy() - last).max() / np.abs(last).max() < 1e-4
