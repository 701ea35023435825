"""Training of VAL on FashionIQ and Shoes (paper section 4; published train_val.py).

    python train_val.py --preset=fashion_iq [--checkpoint_dir=...] [--<setting>=...]

Writes <checkpoint_dir>/{config.json, vocab.txt, train_log.csv, eval_log.csv, model.ckpt-<step>.*}.
The same command again goes on from the last checkpoint.
"""

import csv
import math
import sys
import time
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf
from tqdm import tqdm

import datasets
from batches import Example, input_pipeline
from checkpoints import build_model, prepare_run, restore
from config import parse_config
from errors import InputError, run_main
from extract_features_val import Validation, require_images
from images import iterate
from model import LEVELS, bidirectional_matching_loss, softmax_loss
from nets.pretrained import named_variables, restore_image_encoder
from vocabulary import Vocabulary

LOSSES = ["loss", *(f"loss_{level}" for level in LEVELS), "regularization"]


class Training:
    """Everything that changes while training: weights, averages, optimizer, place in the data."""

    def __init__(self, config, vocabulary_size):
        keras.utils.set_random_seed(config.seed)
        self.config = config
        self.model = build_model(config, vocabulary_size)
        self.variables = named_variables(self.model)
        self.trained = {name: v for name, v in self.variables.items() if v.trainable}
        self.averages = {name: tf.Variable(v.value) for name, v in self.trained.items()}
        if config.pretrain_checkpoint_dir:
            restore_image_encoder(self.model.image_encoder, config.pretrain_checkpoint_dir)
        if not config.as_published:  # published averages start before the ImageNet weights
            for name, average in self.averages.items():
                average.assign(self.trained[name].value)
        self.optimizer = keras.optimizers.Adam(config.init_learning_rate, epsilon=1e-8)
        self.optimizer.build(list(self.trained.values()))
        self.step = tf.Variable(0, dtype=tf.int64)
        self.place = tf.Variable([0, 0], dtype=tf.int64)  # epoch, next batch within it
        self.checkpoint = tf.train.Checkpoint(
            weights={name: v.value for name, v in self.variables.items()},
            averages=self.averages,
            optimizer=[v.value for v in self.optimizer.variables],
            step=self.step,
            place=self.place,
        )
        if config.loss == "softmax":
            self.matching_loss = softmax_loss
        else:
            self.matching_loss = partial(
                bidirectional_matching_loss,
                margin=config.margin,
                negatives=config.loss,
                as_published=config.as_published,
            )

    def update(self, batch):
        """One optimizer update. Returns the losses in the order of LOSSES."""
        self.model.set_dropout_seed(self.config.seed, self.step)
        with tf.GradientTape() as tape:
            queries = self.model.query_levels(
                batch["references"], batch["tokens"], batch["lengths"], training=True
            )
            targets = self.model.gallery_levels(batch["targets"], training=True)
            losses = [self.matching_loss(q, t) for q, t in zip(queries, targets, strict=True)]
            regularization = tf.add_n(self.model.losses)
            total = tf.add_n([*losses, regularization])
        self.learn(tape.gradient(total, {name: v.value for name, v in self.trained.items()}))
        self.step.assign_add(1)
        self.place.assign(batch["place"] + [0, 1])
        return [total, *losses, regularization]

    def learn(self, gradients):
        """Applies {name: gradient} and moves the averages."""
        config = self.config
        rate = config.init_learning_rate
        if config.decay_at:
            rate = tf.where(self.step < config.decay_at, rate, rate * 0.1)
        self.optimizer.learning_rate.assign(rate)
        if config.as_published:
            # There the gradient of the initial state is a dead tensor: it never trains, and Adam's
            # bias correction stays at its first update.
            self.optimizer.iterations.assign(0)
            for name in gradients:
                if "init_state" in name:
                    gradients[name] = tf.zeros_like(gradients[name])
        self.optimizer.apply(list(gradients.values()), list(self.trained.values()))
        for name, average in self.averages.items():
            difference = average - self.variables[name].value
            average.assign_sub((1 - config.average_decay) * difference)

    def swap_averages(self):
        """Exchanges weights and averages; twice is nothing."""
        for name, average in self.averages.items():
            weight = self.variables[name].value
            kept = tf.identity(weight)
            weight.assign(average)
            average.assign(kept)


def train(config, examples_of_epoch, vocabulary, validation=None):
    """Trains a run to config.train_length updates, from its last checkpoint if it has one.

    examples_of_epoch: epoch -> list of Example, a function of the epoch alone.
    validation: called with the averaged model every config.eval_length updates -> {name: score}.
    Raises InputError for a loss that is not finite, naming the step."""
    training = Training(config, len(vocabulary))
    manager = tf.train.CheckpointManager(
        training.checkpoint,
        config.checkpoint_dir,
        max_to_keep=config.keep_checkpoints,
        checkpoint_name="model.ckpt",
    )
    if manager.latest_checkpoint:
        restore(training.checkpoint, manager.latest_checkpoint)
        print(f"going on from {manager.latest_checkpoint}", flush=True)
    first = int(training.step)
    pipeline = input_pipeline(config, examples_of_epoch, *training.place.numpy().tolist())
    update = tf.function(training.update, input_signature=[pipeline.element_spec])
    train_log = Log(config.checkpoint_dir, "train_log.csv", ["step", "epoch", *LOSSES], first)
    eval_log = Log(config.checkpoint_dir, "eval_log.csv", ["step", "R@1", "R@10", "R@50"], first)
    bar = Progress(first, config.train_length, config.batch_size)
    batches = iterate(pipeline)
    for step in range(first + 1, config.train_length + 1):
        batch = next(batches)
        losses = [float(loss) for loss in update(batch)]
        if not all(map(math.isfinite, losses)):
            named = ", ".join(f"{n} {v:g}" for n, v in zip(LOSSES, losses, strict=True))
            raise InputError(f"step {step}: the loss is not finite ({named}); nothing was saved")
        bar.advance(losses[0])
        if step % config.print_span == 0 or step == config.train_length:
            train_log.write([step, int(batch["place"][0]), *losses])
            bar.report(step, losses)
        if step % config.save_length == 0 or step == config.train_length:
            manager.save(checkpoint_number=step)
        if validation and config.eval_length and step % config.eval_length == 0:
            training.swap_averages()
            scores = validation(training.model)
            training.swap_averages()
            eval_log.write([step, *scores.values()])
            bar.write(f"step {step}: " + ", ".join(f"{k} {v:.2f}" for k, v in scores.items()))
    bar.close()
    print(f"trained: {manager.latest_checkpoint}")


class Log:
    """A CSV file with a line per entry; a resumed run drops what is after its checkpoint."""

    def __init__(self, folder, name, header, last_step):
        self.path = Path(folder, name)
        rows = []
        if self.path.exists():
            with self.path.open(encoding="utf-8", newline="") as file:
                rows = [row for row in list(csv.reader(file))[1:] if int(row[0]) <= last_step]
        temporary = self.path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        temporary.replace(self.path)

    def write(self, row):
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(row)


class Progress:
    """A bar on a terminal, a line per print_span elsewhere: loss, pairs/s, time left."""

    def __init__(self, first, last, batch_size):
        self.terminal = sys.stderr.isatty()
        self.bar = tqdm(
            total=last, initial=first, unit="update", disable=not self.terminal, smoothing=0.05
        )
        self.last, self.batch_size = last, batch_size
        self.done, self.start = 0, None

    def advance(self, loss):
        if self.start is None:  # the first update builds the graph: not a measure of speed
            self.start = time.perf_counter()
        else:
            self.done += 1
        self.bar.set_postfix_str(f"loss {loss:.4f}, {self.rate():.1f} pairs/s", refresh=False)
        self.bar.update()

    def rate(self):
        if not self.done:
            return 0.0
        return self.done * self.batch_size / (time.perf_counter() - self.start)

    def report(self, step, losses):
        if self.terminal or not self.done:
            return
        left = (self.last - step) * self.batch_size / self.rate()
        print(
            f"step {step}/{self.last}: loss {losses[0]:.4f}, {self.rate():.1f} pairs/s, "
            f"{left:.0f} s left",
            flush=True,
        )

    def write(self, line):
        self.bar.write(line) if self.terminal else print(line, flush=True)

    def close(self):
        self.bar.close()


def training_paths(config, triplets):
    """Files of the triplets' images, {(subset, name): path}; see require_images."""
    paths = {}
    for subset in datasets.subsets(config.dataset):
        names = [n for t in triplets if t.subset == subset for n in (t.reference, t.target)]
        for name, path in require_images(config, subset, names).items():
            paths[subset, name] = str(path)
    return paths


def training_examples(config, triplets, vocabulary, paths):
    """Triplets as Examples; those whose images are missing are left out, and counted."""
    examples = [
        Example(
            paths[t.subset, t.reference],
            paths[t.subset, t.target],
            vocabulary.encode(t.caption, config.max_caption_words),
        )
        for t in triplets
        if (t.subset, t.reference) in paths and (t.subset, t.target) in paths
    ]
    if len(examples) < len(triplets):
        print(f"training on {len(examples)} of {len(triplets)} triplets: images are missing")
    return examples


def main(argv):
    config = parse_config(argv, __doc__)
    if config.dataset == "fashion200k":
        raise InputError("--dataset=fashion200k: use train_val_fashion200k.py", 2)
    datasets.require_data(config.dataset, config.data_path)
    triplets = datasets.read_train_triplets(config.dataset, config.data_path)
    vocabulary = Vocabulary.build(triplet.caption for triplet in triplets)
    paths = training_paths(config, triplets)
    examples = training_examples(config, triplets, vocabulary, paths)
    prepare_run(config, vocabulary)
    validation = Validation(config, vocabulary) if config.eval_length else None
    train(config, lambda epoch: examples, vocabulary, validation)


if __name__ == "__main__":
    run_main(main)
