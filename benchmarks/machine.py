"""What the benchmarks share: the machine's matrix-product rate, clocks, drawn photographs.

The published code was timed on a machine whose NumPy multiplied float32 matrices at
PUBLISHED_GFLOPS; its times are scaled by that rate here. That is a cross-check: CPUs differ in more
than their matrix products, and only times of the same machine and hour are a comparison.
"""

import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

PUBLISHED_GFLOPS = 205  # NumPy's float32 matrix product in the same hour, 2026-11-24
MATRIX = 1536  # side of the matrices of the rate
PRESET_OF = {"mobilenet_v1": "fashion200k", "resnet_v2_50": "fashion_iq"}


def draw_photographs(folder, count, seed=0):
    """JPEG files of about 400 x 500 pixels and 50 KB: shapes over a gradient, with noise."""
    rng = np.random.default_rng(seed)
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


def clock(function, *arguments):
    """-> (seconds, CPU seconds of all threads, result)."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments)
    return time.perf_counter() - wall, time.process_time() - cpu, result


def matrix_gflops(repeats=6):
    """NumPy's float32 matrix product, GFLOP/s."""
    return 1 / matrix_seconds(repeats)[0]


def matrix_seconds(repeats=6):
    """Of 1 GFLOP of NumPy's float32 matrix product: (seconds, CPU seconds of all threads)."""
    a = np.random.default_rng(0).random((MATRIX, MATRIX), np.float32)
    out = np.matmul(a, a)
    wall, cpu, _ = clock(lambda: [np.matmul(a, a, out=out) for _ in range(repeats)])
    work = repeats * 2 * MATRIX**3 / 1e9
    return wall / work, cpu / work
