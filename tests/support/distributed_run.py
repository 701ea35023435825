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

sys.path.insert(0, str(Path(__file__).parents[2]))

from checkpointing.run import Saver, prepare_run
from command_line.errors import run_main
from nets.batch_norm import BatchNormalization
from tests.support.shallow import make_shallow
from tests.support.small_training import VOCABULARY, draw_examples, tiny
from training import devices, loop
from training.progress import RECALLS
from training.update import Training

ROWS = np.random.default_rng(1).normal(3, 2, (8, 2, 3, 5)).astype(np.float32)
PROCESS = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"]


def settings(folder, train_length):
    return tiny(
        folder, train_length=train_length, batch_size=8, save_length=3, eval_length=3, crop_from=0,
        init_learning_rate=1e-5, dropout=0.0, batch_norm_decay=0.0, negatives="hardest",
        levels="low", composition="sum",
    )  # fmt: skip


def sixteen(folder):
    return draw_examples(folder, 16, (40, 40))


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
    size = len(ROWS) // devices.replicas()
    part = tf.slice(ROWS, [devices.replica_id() * size, 0, 0, 0], [size, *ROWS.shape[1:]])
    with tf.GradientTape() as tape:
        tape.watch(part)
        out = devices.gather_rows(layer(part, training=True))
        weights = tf.range(1.0, len(ROWS) + 1)[:, None, None, None]
        objective = tf.reduce_sum(weights * out**2) / devices.replicas()
    inputs, gamma = tape.gradient(objective, [part, layer.gamma.value])
    gamma = tf.distribute.get_replica_context().all_reduce("SUM", gamma)
    overflow = tf.where(devices.replica_id() == 0, np.inf, 1.0)
    shared = devices.share_overflow({"finite": tf.constant(2.0), "overflow": overflow})
    calm = devices.share_overflow({"finite": tf.constant(2.0)})
    return [out, devices.gather_rows(inputs), gamma, tf.stack([*shared.values(), *calm.values()])]


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
    config = settings(folder, int(train_length))
    loop.Training, loop.Saver = Kept, CopyingSaver
    with two_virtual_cpus() if "mirrored" in kind else devices.all_devices():
        if devices.is_chief():
            prepare_run(config, VOCABULARY)
        Path(folder, f"pid-{PROCESS}").write_text(str(os.getpid()))
        save_normalised(folder)
        if "frozen" in kind:
            BatchNormalization.call = lambda self, x, training=False: self._fused(x, False)[0]
        examples, images = sixteen(Path(folder).parent), np.zeros((1, 32, 32, 3), np.float32)

        def validation(model):
            return dict.fromkeys(RECALLS, float(tf.reduce_max(model.gallery_features(images))))

        own = validation if devices.is_chief() else None
        loop.train(config, lambda epoch: examples, VOCABULARY, own)


if __name__ == "__main__":
    run_main(main)
