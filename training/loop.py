"""The training loop (paper section 4; published train_val.py)."""

import math
import signal
from functools import partial
from pathlib import Path

import tensorflow as tf

from checkpointing.run import Saver
from command_line.errors import InputError
from datasets.images import UnreadableImage, iterate
from training.batches import input_pipeline
from training.devices import is_chief, of_all_processes, on_all_replicas, rows_of_process
from training.progress import MetricLog, SilentMetricLog
from training.start import initial_model
from training.update import Training, loss_names


def train(config, examples_of_epoch, vocabulary, validation=None):
    """Trains a run to config.train_length updates, from its last checkpoint if it has one.

    examples_of_epoch: epoch -> list of Example, a function of the epoch alone.
    validation: the chief's; called with the averaged model every config.eval_length updates ->
    {recall: percent}.
    Raises InputError for a loss that is not finite, naming the step, for a stop by signal, and for
    a picture that can't be read, after what was trained before it is saved."""
    training = Training(config, *initial_model(config, vocabulary))
    folder = config.checkpoint_dir
    saver = Saver(training.checkpoint, folder, config.keep_checkpoints, is_chief())
    best = Saver(training.checkpoint, Path(folder, "best"), 1, validation is not None)
    resumed = saver.restore_newest()
    print(f"going on from {resumed}" if resumed else f"training {folder}", flush=True)
    first, last = int(training.step.numpy()), config.train_length
    if len(of_all_processes(first)) > 1:
        raise InputError(f"{folder}: not the same for all workers; they have to share it")
    metric_log = MetricLog(config, first) if is_chief() else SilentMetricLog()
    update, batches = compiled_update(training, config, examples_of_epoch)
    names = loss_names(config.levels)

    def score(step):
        if validation and step not in metric_log.evaluated():
            if metric_log.note_scores(step, validate(training, validation)):
                best.save(step)

    def evaluate(step):
        if config.eval_length and step and step % config.eval_length == 0:
            saved_if_refused(partial(score, step), saver, step, step > first)

    with metric_log, StopSignals() as stop:
        evaluate(first)  # not yet where an unreadable picture ended that
        for step in range(first + 1, last + 1):
            batch = saved_if_refused(partial(next, batches), saver, step - 1, step - 1 > first)
            losses = dict(zip(names, map(float, update(batch)), strict=True))
            check_finite(losses, step)
            metric_log.note(step, int(training.data_position.numpy()[0]), losses)
            evaluate(step)
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


def compiled_update(training, config, examples_of_epoch):
    """-> (function of one batch of every replica, those batches from the run's position on)."""
    position = training.data_position.numpy().tolist()
    pipeline = tf.distribute.get_strategy().distribute_datasets_from_function(
        lambda context: input_pipeline(
            config, examples_of_epoch, *position, rows_of_process(context, config.batch_size)
        )
    )
    update = tf.function(
        on_all_replicas(training.update),
        input_signature=[pipeline.element_spec],
        jit_compile=config.xla,
        autograph=False,  # it would rewrite all that is called, for seconds at every start
    )
    return update, iterate(pipeline)


def saved_if_refused(work, saver, done, unsaved):
    """work(); where that ends in an InputError, as for an unreadable picture, in any process, the
    state after `done` updates is saved if it is unsaved, and the InputError says so."""
    result = problem = None
    try:
        result = work()
    except InputError as error:
        problem = error
    if not any(of_all_processes(int(problem is not None))):
        return result
    what = str(problem or "another worker can't read its data")
    if isinstance(problem, UnreadableImage):
        what += "; replace the file, or train with --allow_missing=True to do without such"
    if unsaved:
        saver.save(done)
        of_all_processes(done)
        what += f"; stopped after step {done}, saved; the same command goes on"
    raise InputError(what)


def check_finite(losses, step):
    if not all(map(math.isfinite, losses.values())):
        named = ", ".join(f"{name} {value:g}" for name, value in losses.items())
        raise InputError(f"step {step}: the loss is not finite ({named}); not saved")


def validate(training, validation):
    """Scores of the averaged weights."""
    training.swap_averages()
    try:
        return validation(training.model)
    finally:
        training.swap_averages()


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
