"""A tiny training run as one process of several, for test_distribution.py.

    python tests/distributed_run.py <checkpoint_dir> <train_length> [<virtual devices>]

Afterwards <checkpoint_dir>/variables-<process>-<replica>.npz hold the copies of its replicas."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

import train_val
from batches import Example
from checkpoints import prepare_run
from config import Config
from distribution import all_devices, is_chief
from errors import run_main
from training import Training
from vocabulary import Vocabulary

VOCABULARY = Vocabulary.build(["red blue longer shorter sleeves"])


def draw_examples(folder):
    """Eight pairs of images, in a folder where they are not yet."""
    rng = np.random.default_rng(0)
    paths = [str(Path(folder, f"{index}.png")) for index in range(8)]
    for path in paths:
        pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        if not Path(path).exists():
            Image.fromarray(pixels).save(path)
    return [Example(paths[i], paths[i - 1], [2 + i % 5] * (1 + i % 3)) for i in range(8)]


def tiny(folder, **settings):
    defaults = dict(
        checkpoint_dir=str(folder), image_model="mobilenet_v1_025", image_size=32, batch_size=8,
        word_embedding_size=6, text_embedding_size=8, joint_embedding_size=8, save_length=3,
        print_span=1, init_learning_rate=1e-4, dropout=0.0, batch_norm_decay=0.9,
    )  # fmt: skip
    defaults.update(eval(os.environ.get("TINY", "{}")))
    return Config(**{**defaults, **settings})


class Kept(Training):
    """Leaves what it was where it can be looked at."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        Kept.last = self

    def copies(self):
        """Of each replica here: {name: array} of everything that changes in training."""
        kinds = {
            "weights": {name: v.value for name, v in self.variables.items()},
            "averages": self.averages,
            "optimizer": {str(i): v.value for i, v in enumerate(self.optimizer.variables)},
            "own": {"step": self.step, "place": self.place},
        }
        local = tf.distribute.get_strategy().experimental_local_results
        for replica in range(len(local(self.step))):
            yield replica, {
                f"{kind}/{name}": local(variable)[replica].numpy()
                for kind, variables in kinds.items()
                for name, variable in variables.items()
            }


def main(argv):
    folder, length, *virtual = argv
    if virtual:
        cpu = tf.config.list_physical_devices("CPU")[0]
        one = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [one] * int(virtual[0]))
    if os.environ.get("FROZEN"):
        from nets.batch_norm import BatchNormalization
        BatchNormalization.call = lambda self, inputs, training=False: self._fused(inputs, False)[0]
    config = tiny(folder, train_length=int(length))
    train_val.Training = Kept
    mirrored = lambda: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()
    with mirrored() if virtual else all_devices():
        if is_chief():
            prepare_run(config, VOCABULARY)
        examples = draw_examples(Path(folder).parent)
        train_val.train(config, lambda epoch: examples, VOCABULARY)
        process = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"]
        for replica, arrays in Kept.last.copies():
            np.savez(Path(folder, f"variables-{process}-{replica}.npz"), **arrays)


if __name__ == "__main__":
    run_main(main)
