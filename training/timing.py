"""One update at a time, as the loop makes it, and a clock: for comparison.speed and benchmarks/."""

import time

from training.loop import check_finite, compiled_update
from training.progress import TrainingProgress
from training.update import loss_names


def clock(function, *arguments):
    """-> (seconds, CPU seconds of all threads, result)."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments)
    return time.perf_counter() - wall, time.process_time() - cpu, result


def single_update(training, config, examples, load):
    """-> (function that makes one more update as training.loop.train does, its first batch).

    load: each of the next batch, which is loaded while the update before runs; else all of the
    first."""
    update, batches = compiled_update(training, config, lambda epoch: examples)
    first = next(batches)
    names, progress = loss_names(config.levels), TrainingProgress(0, 10**6, config.batch_size)

    def step():
        batch = next(batches) if load else first
        losses = dict(zip(names, map(float, update(batch)), strict=True))
        check_finite(losses, int(training.step.numpy()))
        progress.advance(losses)

    return step, first
