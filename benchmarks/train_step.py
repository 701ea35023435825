"""How fast training is, from JPEG files on; about four minutes a network on 2 quiet cores.

  python -m benchmarks.train_step [--image_model=resnet_v2_50] [--batch_size=8] [--steps=20]

Takes turns between an update as train_val.py makes it (the next batch, loaded from JPEG files while
the update before ran; forward, backward, Adam, averages; losses read, checked and shown) and the
bare step: losses and all gradients of the same model in one tf.function, on fixed tensors, without
input, optimizer and averages. Dropout, batch statistics and weight decay are part of both.
Every turn is printed, with the matrix-product rate of NumPy before, between and after. gflops is
the arithmetic of our updates (convolutions and products, without the recurrent ones) per second,
share_of_matmul_rate that over the rate. ratio_to_bare_step is bare seconds / ours, medians of the
turns. cross_check_* are our pairs/s over those of the published code, scaled by the matrix-product
rate from the machine where they were taken (benchmarks/machine.py): a cross-check, no comparison;
benchmarks/compare_commits.py compares. cpu_* and *_cpu are the same of CPU seconds: with other
processes on the machine trust these (the published times taken as those of 2 busy cores).
The last lines are name=value; those without a network's name are of the network furthest behind.
"""

import math
import resource
import tempfile
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks.machine import PRESET_OF, PUBLISHED_GFLOPS, clock, draw_photographs, matrix_seconds
from command_line.errors import run_main
from command_line.flags import Flags
from config import PRESETS, make_config
from datasets.vocabulary import Vocabulary
from training.batches import Example
from training.loop import check_finite, compiled_update
from training.memory import keep_freed_memory
from training.progress import TrainingProgress
from training.start import initial_model
from training.update import Training, loss_names

# Pairs/s of the published code on TensorFlow 2.15 with oneDNN, its best runtime; its batch size.
PUBLISHED = {"mobilenet_v1": (11.4, 32), "resnet_v2_50": (2.78, 8)}
WORDS = 5000  # of the vocabulary
IMAGES = 64  # files drawn


class Measured(NamedTuple):
    """One network. Seconds are medians over the steps."""

    pairs_per_s: float
    bare_pairs_per_s: float
    page_faults: float
    kernel_share: float  # of our CPU time
    matmul_gflops: float
    gflops: float
    share_of_matmul_rate: float
    cross_check_published_cpu: float
    cross_check_published: float
    cpu_ratio_to_bare_step: float
    ratio_to_bare_step: float


def page_faults_and_kernel_share(before, after):
    """Page faults and the share of CPU time in the kernel, between two resource.getrusage."""
    system, user = after.ru_stime - before.ru_stime, after.ru_utime - before.ru_utime
    return after.ru_minflt - before.ru_minflt, system / (system + user)


def settings(image_model, batch_size, flags):
    """Of the network's preset, from random weights."""
    return make_config(
        **{
            **PRESETS[PRESET_OF[image_model]],
            "image_model": image_model,
            "pretrain_checkpoint_dir": "",
            "batch_size": batch_size,
            "precision": flags.precision,
            "xla": flags.xla,
        }
    )


def draw_examples(paths, count, seed=0):
    """Examples over the images, with captions of 4 to 12 words."""
    rng = np.random.default_rng(seed)
    return [
        Example(
            *(str(paths[row]) for row in rng.integers(0, len(paths), 2)),
            rng.integers(2, WORDS, rng.integers(4, 13)).tolist(),
        )
        for _ in range(count)
    ]


def real_updates(training, config, examples):
    """-> (function that makes the next update as training.loop.train does, its first batch)."""
    update, batches = compiled_update(training, config, lambda epoch: examples)
    names, progress = loss_names(config.levels), TrainingProgress(0, 10**6, config.batch_size)

    def step():
        losses = dict(zip(names, map(float, update(next(batches))), strict=True))
        check_finite(losses, int(training.step.numpy()))
        progress.advance(losses)

    return step, next(batches)


def bare_steps(training, config, batch):
    """-> (function that evaluates loss and gradients of one batch, how many operations it has)."""
    weights = [variable.value for variable in training.trained.values()]

    @tf.function(jit_compile=config.xla)
    def gradients():
        with tf.GradientTape() as tape:
            total, *_ = training.losses(batch)
        return total, tape.gradient(total, weights)

    def step():
        total, slopes = gradients()
        # The smallest gradients to the host: on a GPU a call returns before it has computed.
        return float(total), [slope.numpy() for slope in slopes if slope.shape.rank == 0]

    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    graph = gradients.get_concrete_function().graph
    tf.get_logger().setLevel("ERROR")  # that the profiler's own parts are deprecated
    counted = tf.compat.v1.profiler.profile(graph, options={**options, "output": "none"})
    return step, counted.total_float_ops


def measure(config, paths, steps):
    vocabulary = Vocabulary([f"word{i}" for i in range(WORDS)])
    training = Training(config, *initial_model(config, vocabulary))
    ours, batch = real_updates(training, config, draw_examples(paths, 8 * config.batch_size))
    bare, operations = bare_steps(training, config, batch)
    for step in (ours, bare, ours, bare):
        step()
    rows, kernel, before = [], [], matrix_seconds(4)
    # In turns, so that neighbours on the machine slow both. next() frees a place in the pipeline,
    # which loads the batch after it during our update, long before the bare step.
    for _ in range(steps):
        start = resource.getrusage(resource.RUSAGE_SELF)
        update = clock(ours)[:2]
        kernel.append(page_faults_and_kernel_share(start, resource.getrusage(resource.RUSAGE_SELF)))
        between = matrix_seconds(4)
        bare_cost, after = clock(bare)[:2], matrix_seconds(4)
        rows.append([update, bare_cost, np.mean([before, between, after], axis=0)])
        print_turn(operations, *rows[-1][:2], kernel[-1], [before[0], between[0], after[0]])
        before = after
    ours, bare, matrix = np.median(rows, axis=0)  # each (seconds, CPU seconds)
    published, batch_size = PUBLISHED[config.image_model]
    at_published_rate = matrix * PUBLISHED_GFLOPS / ours * config.batch_size
    return Measured(
        config.batch_size / ours[0],
        config.batch_size / bare[0],
        *np.median(kernel, axis=0),
        1 / matrix[0],
        operations / 1e9 / ours[0],
        operations / 1e9 / ours[0] * matrix[0],
        *reversed(at_published_rate / (published if batch_size == config.batch_size else math.nan)),
        *reversed(bare / ours),
    )


def print_turn(operations, update, bare, kernel, matrix):
    """One turn: (wall, CPU) seconds of both, seconds a GFLOP of the matrix product three times."""
    faults, share = kernel
    gflops, rates = operations / 1e9 / update[0], [1 / seconds for seconds in matrix]
    print(
        f"  update {update[0]:.2f} s ({update[1]:.2f} CPU s, {share:.1%} in the kernel, "
        f"{faults:,} page faults), bare {bare[0]:.2f} s ({bare[1]:.2f}); {gflops:.0f} GFLOP/s, "
        f"matrix product {', '.join(f'{rate:.0f}' for rate in rates)}",
        flush=True,
    )


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--image_model", choices=sorted(PUBLISHED), help="default: both")
    parser.add_argument("--batch_size", type=int, help="default: the published table's, 32 and 8")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--xla", action="store_true")
    flags = parser.parse_args(argv)
    keep_freed_memory()  # as training does
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = draw_photographs(folder, IMAGES)
        for network in [flags.image_model] if flags.image_model else sorted(PUBLISHED):
            config = settings(network, flags.batch_size or PUBLISHED[network][1], flags)
            print(f"{network}, {config.image_size} px, batch {config.batch_size}", flush=True)
            rows[network] = measure(config, paths, flags.steps)
    last = min(rows.values(), key=lambda row: row.ratio_to_bare_step)
    for prefix, row in [*((f"{name}_", row) for name, row in rows.items()), ("", last)]:
        names = row._fields if prefix else row._fields[:-1]
        for name in names:
            print(f"{prefix}{name}={getattr(row, name):.3f}")
    print(f"peak_gib={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f}")
    print(f"ratio_to_bare_step={last.ratio_to_bare_step:.3f}")


if __name__ == "__main__":
    run_main(main)
