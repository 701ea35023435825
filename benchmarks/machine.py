"""What the benchmarks share: the machine's matrix-product rate, networks, drawn photographs."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from config import PRESETS, make_config
from training.timing import clock

MATRIX = 1536  # side of the matrices of the rate
PRESET_OF = {"mobilenet_v1": "fashion200k", "resnet_v2_50": "fashion_iq"}  # by network


def settings(network, **changed):
    """Of the network's preset, from random weights."""
    changed = {"image_model": network, "pretrain_checkpoint_dir": "", **changed}
    return make_config(**{**PRESETS[PRESET_OF[network]], **changed})


def draw_photographs(folder, count):
    """JPEG files of about 400 x 500 pixels and 50 KB: shapes over a gradient, with noise."""
    rng = np.random.default_rng(0)
    paths = [Path(folder, f"{i}.jpg") for i in range(count)]
    for path in paths:
        width, height = (int(n) for n in rng.integers((360, 460), (440, 540)))
        ground = Image.fromarray(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8))
        image = ground.resize((width, height), Image.Resampling.BICUBIC)
        pen = ImageDraw.Draw(image)
        for _ in range(12):
            x, y = rng.integers(0, (width, height)).tolist()
            right, bottom = rng.integers(10, 120, 2).tolist()
            colour = tuple(rng.integers(0, 256, 3).tolist())
            pen.ellipse((x, y, x + right, y + bottom), fill=colour)
        noisy = np.asarray(image) + rng.normal(0, 6, (height, width, 3))
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=90)
    return paths


def matrix_seconds():
    """For 1 GFLOP of NumPy's float32 matrix product: [seconds, CPU seconds of all threads]."""
    a = np.random.default_rng(0).random((MATRIX, MATRIX), np.float32)
    out = np.matmul(a, a)
    wall_and_cpu = clock(lambda: [np.matmul(a, a, out=out) for _ in range(4)])[:2]
    return np.array(wall_and_cpu) / (4 * 2 * MATRIX**3 / 1e9)
