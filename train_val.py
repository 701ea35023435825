"""Training of VAL on FashionIQ and Shoes (paper section 4; published train_val.py).

    python train_val.py --preset=fashion_iq [--checkpoint_dir=...] [--<setting>=...]

Writes <checkpoint_dir>/{config.json, vocab.txt, train_log.csv, eval_log.csv, model.ckpt-<step>.*}.
The same command again goes on from the last checkpoint.
"""

import dataclasses
import math
import signal
from pathlib import Path

import tensorflow as tf

import datasets
from batches import Example, input_pipeline
from checkpoints import Saver, prepare_run, saved_checkpoints
from config import CONFIG_FILE, load_config, parse_config
from distribution import (
    all_devices,
    check_settings,
    is_chief,
    of_all_processes,
    on_all_replicas,
    rows_of_process,
)
from errors import InputError, run_main
from extract_features_val import Validation, require_images
from images import iterate
from progress import Log, Progress, TensorBoard
from side_texts import read_side_texts
from training import LOSSES, Training
from vocabulary import Vocabulary

RECALLS = ["R@1", "R@10", "R@50"]
BEST = RECALLS.index("R@10") + 1  # column of eval_log.csv that chooses the best checkpoint


def train(config, examples_of_epoch, vocabulary, validation=None):
    """Trains a run to config.train_length updates, from its last checkpoint if it has one.

    examples_of_epoch: epoch -> list of Example, a function of the epoch alone.
    validation: called with the averaged model every config.eval_length updates -> {name: score}.
    Raises InputError for a loss that is not finite, naming the step, and for a stop by signal."""
    training = Training(config, vocabulary)
    folder = config.checkpoint_dir
    saver = Saver(training.checkpoint, folder, config.keep_checkpoints, is_chief())
    best = Saver(training.checkpoint, Path(folder, "best"), keep=1) if validation else None
    resumed = saver.restore_newest()
    print(f"going on from {resumed}" if resumed else f"training {folder}", flush=True)
    first, last = int(training.step.numpy()), config.train_length
    if len(of_all_processes(first)) > 1:
        raise InputError(f"{folder}: not the same for all workers; they have to share it")
    train_log = eval_log = board = None  # but for the chief's
    if is_chief():
        train_log = Log(folder, "train_log.csv", ["step", "epoch", *LOSSES], first)
        eval_log = Log(folder, "eval_log.csv", ["step", *RECALLS], first)
        board = TensorBoard(folder) if config.tensorboard else None
    place = training.place.numpy().tolist()
    pipeline = tf.distribute.get_strategy().distribute_datasets_from_function(
        lambda context: input_pipeline(
            config, examples_of_epoch, *place, rows_of_process(context, config.batch_size)
        )
    )
    update = tf.function(
        on_all_replicas(training.update),
        input_signature=[pipeline.element_spec],
        jit_compile=config.xla,
    )
    batches = iterate(pipeline)
    with Progress(first, last, config.batch_size) as progress, StopSignals() as stop:
        for step in range(first + 1, last + 1):
            losses = dict(zip(LOSSES, map(float, update(next(batches))), strict=True))
            if not all(map(math.isfinite, losses.values())):
                named = ", ".join(f"{name} {value:g}" for name, value in losses.items())
                raise InputError(f"step {step}: the loss is not finite ({named}); not saved")
            progress.advance(losses)
            if train_log and (step % config.print_span == 0 or step == last):
                train_log.write([step, int(training.place.numpy()[0]), *losses.values()])
                progress.report(step)
                if board:
                    board.write(step, losses)
            if validation and step % config.eval_length == 0:
                scores = validate(training, validation)
                is_best = scores["R@10"] > max((row[BEST] for row in eval_log.rows), default=-1)
                eval_log.write([step, *scores.values()])
                progress.say(
                    f"step {step}: " + ", ".join(f"{k} {v:.2f}" for k, v in scores.items())
                )
                if board:
                    board.write(step, scores)
                if is_best:
                    best.save(step)
            stopped = max(of_all_processes(stop.received))  # all stop after the same step
            if step % config.save_length == 0 or step == last or stopped:
                saver.save(step)
                of_all_processes(step)  # none goes on, or ends, before the chief has saved
            if stopped and step < last:
                raise InputError(
                    f"stopped by {signal.Signals(stopped).name} after step {step}, saved; "
                    "the same command goes on",
                    128 + stopped,
                )
    print(f"trained: {folder}/model.ckpt-{int(training.step.numpy())}", flush=True)


def validate(training, validation):
    """Scores of the averaged weights."""
    training.swap_averages()
    scores = validation(training.model)
    training.swap_averages()
    return scores


class StopSignals:
    """Notes SIGTERM and Ctrl-C, so that the loop ends after a whole step; a second one kills."""

    received = 0

    def __enter__(self):
        self.before = {
            number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def _note(self, number, frame):
        self.received = signal.Signals(number)
        signal.signal(number, self.before[number])

    def __exit__(self, *error):
        for number, handler in self.before.items():
            signal.signal(number, handler)


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


def side_text_examples(config, vocabulary):
    """Stage 1 of L_vs: images with texts of their own (paper section 3.3)."""
    texts = [
        datasets.Triplet(text.name, text.name, text.text, text.subset)
        for text in read_side_texts(config.dataset, config.data_path)
    ]
    return training_examples(config, texts, vocabulary, training_paths(config, texts))


def build_vocabulary(config, captions):
    """Words of the captions; with L_vs also those of the side texts, for both stages."""
    if config.checkpoint_dir_stage1 or config.stage == "visual_semantic":
        texts = read_side_texts(config.dataset, config.data_path)
        captions = [*captions, *(text.text for text in texts)]
    return Vocabulary.build(captions)


def run_training(config, vocabulary, examples_of_epoch):
    """Trains config's run; with checkpoint_dir_stage1, first that one if it isn't trained yet.

    examples_of_epoch: of the stage "compose"; stage "visual_semantic" reads its own."""
    check_settings(config.batch_size, config.xla)
    if config.checkpoint_dir_stage1 and not is_trained(config.checkpoint_dir_stage1):
        stage1 = dataclasses.replace(
            config,
            stage="visual_semantic",
            checkpoint_dir=config.checkpoint_dir_stage1,
            checkpoint_dir_stage1="",
        )
        run_training(stage1, vocabulary, None)
    if config.stage == "visual_semantic":
        examples = side_text_examples(config, vocabulary)
        examples_of_epoch = lambda epoch: examples  # noqa: E731
    validation = None
    if config.eval_length and is_chief():
        validation = Validation(config, vocabulary)
    if is_chief():  # last, so that a run refused for its data leaves no folder behind
        prepare_run(config, vocabulary)
    train(config, examples_of_epoch, vocabulary, validation)


def is_trained(folder):
    """Whether a run's folder holds its last checkpoint."""
    if not Path(folder, CONFIG_FILE).exists():
        return False
    last = f"model.ckpt-{load_config(folder).train_length}"
    return last in [Path(path).name for path in saved_checkpoints(folder)]


def main(argv):
    config = parse_config(argv, __doc__)
    if config.dataset == "fashion200k":
        raise InputError("--dataset=fashion200k: use train_val_fashion200k.py", 2)
    with all_devices():
        datasets.require_data(config.dataset, config.data_path)
        triplets = datasets.read_train_triplets(config.dataset, config.data_path)
        vocabulary = build_vocabulary(config, [triplet.caption for triplet in triplets])
        examples = training_examples(config, triplets, vocabulary, training_paths(config, triplets))
        run_training(config, vocabulary, lambda epoch: examples)


if __name__ == "__main__":
    run_main(main)
