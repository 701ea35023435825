"""A tiny training run, alone or as one process or device of several, for test_distribution.py.

    python tests/support/distributed_run.py <folder> <train_length> [frozen] [mirrored]

frozen: batch normalisation by its moving statistics, which doesn't amplify rounding as that by the
batch's does; mirrored: on two virtual CPUs. <folder>/copies-<process>-<replica>.npz get what each
replica holds at the first checkpoint, <folder>/norm-<process>.npz what a normalisation layer makes
of ROWS.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from checkpointing.run import Saver, prepare_run
from command_line.errors import run_main
from config import make_config
from datasets.vocabulary import Vocabulary
from nets.batch_norm import BatchNormalization
from tests.support.shallow import make_shallow
from training import loop
from training.batches import Example
from training.devices import (
    all_devices,
    gather_rows,
    is_chief,
    replica_id,
    replicas,
    share_overflow,
)
from training.progress import RECALLS
from training.update import Training

VOCABULARY = Vocabulary.build(["red blue longer shorter sleeves"])
ROWS = np.random.default_rng(1).normal(3, 2, (8, 2, 3, 5)).astype(np.float32)
PROCESS = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"]


def tiny(folder, train_length):
    return make_config(
        checkpoint_dir=str(folder), image_model="mobilenet_v1_025", image_size=32, batch_size=8,
        word_embedding_size=6, text_embedding_size=8, joint_embedding_size=8, save_length=3,
        print_span=1, init_learning_rate=1e-5, dropout=0.0, batch_norm_decay=0.0, eval_length=3,
        negatives="hardest", train_length=train_length, levels="low",
        composition="sum",
    )  # fmt: skip


def draw_examples(folder):
    """Sixteen pairs of images, drawn where they are not yet."""
    rng = np.random.default_rng(0)
    paths = [str(Path(folder, f"{index}.png")) for index in range(16)]
    for path in paths:
        pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        if not Path(path).exists():
            Image.fromarray(pixels).save(path)
    return [Example(paths[i], paths[i - 1], [2 + i % 5] * (1 + i % 3)) for i in range(16)]


class Kept(Training):
    """Can be looked at from outside."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        Kept.last = self

    def copies(self):
        """Of each replica of this process: {name: array} of all that changes in training."""
        kinds = {
            "weights": {name: v.value for name, v in self.variables.items()},
            "averages": self.averages,
            "optimizer": {v.path: v.value for v in self.optimizer.variables},
            "own": {"step": self.step, "data_position": self.data_position},
        }
        local = tf.distribute.get_strategy().experimental_local_results
        for replica in range(len(local(self.step))):
            yield {
                f"{kind}/{name}": local(variable)[replica].numpy()
                for kind, variables in kinds.items()
                for name, variable in variables.items()
            }


class CopyingSaver(Saver):
    """Keeps the copies of all replicas beside the first checkpoint it saves."""

    def save(self, step):
        for replica, arrays in enumerate(Kept.last.copies()):
            path = self.folder / f"copies-{PROCESS}-{replica}.npz"
            if not path.exists():
                np.savez(path, **arrays)
        return super().save(step)


def normalise(layer):
    """This replica's part of ROWS, normalised: gathered outputs, and gradients of a weighted sum
    of all with respect to the inputs and gamma; an overflow on replica 0 alone, and none."""
    size = len(ROWS) // replicas()
    part = tf.slice(ROWS, [replica_id() * size, 0, 0, 0], [size, *ROWS.shape[1:]])
    with tf.GradientTape() as tape:
        tape.watch(part)
        out = gather_rows(layer(part, training=True))
        weights = tf.range(1.0, len(ROWS) + 1)[:, None, None, None]
        objective = tf.reduce_sum(weights * out**2) / replicas()
    inputs, gamma = tape.gradient(objective, [part, layer.gamma.value])
    gamma = tf.distribute.get_replica_context().all_reduce("SUM", gamma)
    overflow = tf.where(replica_id() == 0, np.inf, 1.0)
    shared = share_overflow({"finite": tf.constant(2.0), "overflow": overflow})
    calm = share_overflow({"finite": tf.constant(2.0)})
    return [out, gather_rows(inputs), gamma, tf.stack([*shared.values(), *calm.values()])]


def save_normalised(folder):
    strategy = tf.distribute.get_strategy()
    layer = BatchNormalization(0.9, 1e-3)
    layer.build(ROWS.shape)
    results = strategy.run(tf.function(lambda: normalise(layer), autograph=False))
    results = [strategy.experimental_local_results(result)[-1].numpy() for result in results]
    np.savez(
        Path(folder, f"norm-{PROCESS}.npz"),
        **dict(zip(("out", "inputs", "gamma", "overflow"), results, strict=True)),
        moving_mean=layer.moving_mean.numpy(), moving_variance=layer.moving_variance.numpy(),
    )  # fmt: skip


def two_virtual_cpus():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()


def main(argv):
    folder, train_length, *kind = argv
    make_shallow(pytest.MonkeyPatch())  # for as long as the process lives
    config = tiny(folder, int(train_length))
    loop.Training, loop.Saver = Kept, CopyingSaver
    with two_virtual_cpus() if "mirrored" in kind else all_devices():
        if is_chief():
            prepare_run(config, VOCABULARY)
        Path(folder, f"pid-{PROCESS}").write_text(str(os.getpid()))
        save_normalised(folder)
        if "frozen" in kind:
            BatchNormalization.call = lambda self, x, training=False: self._fused(x, False)[0]
        examples = draw_examples(Path(folder).parent)
        images = np.zeros((1, 32, 32, 3), np.float32)
        validation = (
            lambda model: dict.fromkeys(
                RECALLS, float(tf.reduce_max(model.gallery_features(images)))
            )
        ) if is_chief() else None  # fmt: skip
        loop.train(config, lambda epoch: examples, VOCABULARY, validation)


if __name__ == "__main__":
    run_main(main)
