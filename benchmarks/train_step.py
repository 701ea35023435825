"""How fast training is, from JPEG files on; about four minutes a network on 2 quiet cores.

  python -m benchmarks.train_step [--image_model=resnet_v2_50] [--batch_size=8] [--steps=20]

Takes turns between an update as train_val.py makes it (the next batch, loaded from JPEG files while
the update before ran; forward, backward, Adam, averages; losses read, checked and shown) and the
bare step: losses and all gradients of the same model in one tf.function, on fixed tensors, without
input, optimizer and averages. Dropout, batch statistics and weight decay are part of both.
Every turn is printed; the last lines are name=value, medians of the turns. gflops is the arithmetic
of our updates (convolutions and products, without the recurrent ones) per second,
share_of_matmul_rate that over the rate of NumPy's matrix product. peak_gib is the process's before
the bare step is there: with one --image_model, training's own. With other processes on the machine
trust CPU seconds and page faults. README.md says how two commits are compared.
"""

import resource
import tempfile

import numpy as np
import tensorflow as tf

from benchmarks.machine import PRESET_OF, draw_photographs, matrix_seconds, settings
from command_line.errors import run_main
from command_line.flags import Flags
from datasets.vocabulary import Vocabulary
from training.batches import Example
from training.memory import keep_freed_memory
from training.start import initial_model
from training.timing import clock, single_update
from training.update import Training

BATCH = {"mobilenet_v1": 32, "resnet_v2_50": 8}  # pairs
WORDS = 5000  # of the vocabulary
IMAGES = 64  # files drawn


def cost(function):
    """One call -> [seconds, CPU seconds of all threads, share of these in the kernel, page
    faults]."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    wall, cpu, _ = clock(function)
    after = resource.getrusage(resource.RUSAGE_SELF)
    kernel = (after.ru_stime - before.ru_stime) / max(cpu, 1e-9)
    return [wall, cpu, kernel, after.ru_minflt - before.ru_minflt]


def draw_examples(paths, count):
    """Examples over the images, with captions of 4 to 12 words."""
    rng = np.random.default_rng(0)
    pairs = (map(str, np.take(paths, rng.integers(0, len(paths), 2))) for _ in range(count))
    return [Example(*pair, rng.integers(2, WORDS, rng.integers(4, 13)).tolist()) for pair in pairs]


def bare_step(training, config, batch):
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
    """-> {name: value}"""
    vocabulary = Vocabulary([f"word{i}" for i in range(WORDS)])
    training = Training(config, *initial_model(config, vocabulary))
    examples = draw_examples(paths, 8 * config.batch_size)
    update, batch = single_update(training, config, examples, load=True)
    for _ in range(3):
        update()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    bare, operations = bare_step(training, config, batch)
    bare(), update(), bare()
    turns, operations = [], operations / 1e9
    # In turns, so that neighbours on the machine slow both. next() frees a place in the pipeline,
    # which loads the batch after it during our update, long before the bare step.
    for _ in range(steps):
        turns.append([*cost(update), *cost(bare)[:2], *matrix_seconds()])
        print(
            "  update {:.2f} s ({:.2f} CPU s, {:.1%} in the kernel, {:,.0f} page faults), "
            "bare {:.2f} s ({:.2f})".format(*turns[-1]), flush=True,
        )
    wall, cpu, kernel, faults, bare_wall, bare_cpu, matrix, _ = np.median(turns, axis=0)
    return {
        "seconds": wall,
        "cpu_seconds": cpu,
        "kernel_share": kernel,
        "page_faults": faults,
        "peak_gib": peak,
        "pairs_per_s": config.batch_size / wall,
        "bare_pairs_per_s": config.batch_size / bare_wall,
        "matmul_gflops": 1 / matrix,
        "gflops": operations / wall,
        "share_of_matmul_rate": operations / wall * matrix,
        "cpu_ratio_to_bare_step": bare_cpu / cpu,
        "ratio_to_bare_step": bare_wall / wall,
    }


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--image_model", choices=sorted(PRESET_OF), help="default: both")
    parser.add_argument("--batch_size", type=int, help="default: 32; ResNet 8")
    parser.add_argument("--steps", type=int, default=20, help="turns")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--xla", action="store_true")
    flags = parser.parse_args(argv)
    keep_freed_memory()  # as training does
    with tempfile.TemporaryDirectory() as folder:
        paths = draw_photographs(folder, IMAGES)
        for network in [flags.image_model] if flags.image_model else sorted(PRESET_OF):
            size = flags.batch_size or BATCH[network]
            config = settings(network, batch_size=size, precision=flags.precision, xla=flags.xla)
            print(f"{network}, {config.image_size} px, batch {config.batch_size}", flush=True)
            for name, value in measure(config, paths, flags.steps).items():
                print(f"{network}_{name}={value:.3f}")


if __name__ == "__main__":
    run_main(main)
