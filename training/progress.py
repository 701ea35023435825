"""What a run says while it trains: CSV logs, a progress bar or lines, TensorBoard summaries."""

import contextlib
import csv
import importlib.util
import sys
import time
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from command_line.errors import InputError
from command_line.files import whole_file, writing
from evaluation.recall import PUBLISHED_RECALLS, recall_name
from training.update import loss_names

RECALLS = [recall_name(k) for k in PUBLISHED_RECALLS]
BEST = RECALLS.index("R@10") + 1  # column of eval_log.csv that chooses the best checkpoint


class MetricLog(contextlib.ExitStack):
    """All of it for one run: train_log.csv, eval_log.csv, the progress, the summaries."""

    def __init__(self, config, first):
        super().__init__()
        self.config, folder = config, config.checkpoint_dir
        header = ["step", "epoch", *loss_names(config.levels)]
        self.train_log = CsvLog(folder, "train_log.csv", header, first)
        self.eval_log = CsvLog(folder, "eval_log.csv", ["step", *RECALLS], first)
        self.summarize = tensorboard(folder) if config.tensorboard else lambda step, numbers: None
        self.progress = TrainingProgress(first, config.train_length, config.batch_size)
        self.callback(self.progress.bar.close)

    def note(self, step, epoch, losses):
        """After each update, with its losses {name: value}."""
        self.progress.advance(losses)
        if step % self.config.print_span == 0 or step == self.config.train_length:
            self.train_log.write([step, epoch, *losses.values()])
            self.progress.report(step)
            self.summarize(step, losses)

    def evaluated(self):
        """Steps that have scores."""
        return {int(row[0]) for row in self.eval_log.rows}

    def note_scores(self, step, scores):
        """After each evaluation {recall: percent} -> whether it is the best so far."""
        best = scores["R@10"] > max((row[BEST] for row in self.eval_log.rows), default=-1)
        self.eval_log.write([step, *scores.values()])
        self.progress.say(f"step {step}: " + ", ".join(f"{k} {v:.2f}" for k, v in scores.items()))
        self.summarize(step, scores)
        return best


class SilentMetricLog(contextlib.nullcontext):
    """What a process that is not the chief logs: nothing."""

    def note(self, step, epoch, losses):
        pass


class CsvLog:
    """A CSV file with a line per entry; a resumed run drops what is after its checkpoint."""

    def __init__(self, folder, name, header, last_step):
        self.path = Path(folder, name)
        rows = []
        if self.path.exists():
            text = self.path.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1].splitlines()  # a kill can cut the last line
            rows = [row for row in list(csv.reader(whole))[1:] if int(row[0]) <= last_step]
        self.rows = [[float(value) for value in row] for row in rows]
        with whole_file(self.path) as file:
            csv.writer(file).writerows([header, *rows])

    def write(self, row):
        self.rows.append(row)
        with writing(self.path), self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(row)


class TrainingProgress:
    """A bar on a terminal, a line per print_span elsewhere: loss, pairs/s, time left."""

    def __init__(self, first, last, batch_size):
        self.terminal = sys.stderr.isatty()
        self.bar = tqdm(
            total=last, initial=first, unit="update", disable=not self.terminal, smoothing=0.05
        )
        self.last, self.batch_size = last, batch_size
        self.done, self.start, self.losses = 0, None, {}

    def advance(self, losses):
        """After each update, with its losses."""
        if self.start is None:  # the first update builds the graph: not a measure of speed
            self.start = time.perf_counter()
        else:
            self.done += 1
        self.losses = losses
        self.bar.set_postfix_str(self.state(), refresh=False)
        self.bar.update()

    def state(self):
        total, *levels, _ = self.losses.values()
        parts = " + ".join(f"{level:.3f}" for level in levels)
        return f"loss {total:.4f} (levels {parts}), {self.rate():.1f} pairs/s"

    def rate(self):
        seconds = time.perf_counter() - self.start
        return self.done * self.batch_size / seconds if self.done else 0.0

    def report(self, step):
        """A line, where there is no bar."""
        if not self.terminal:
            rate = self.rate()
            left = f", {(self.last - step) * self.batch_size / rate:.0f} s left" if rate else ""
            print(f"step {step}/{self.last}: {self.state()}{left}", flush=True)

    def say(self, line):
        self.bar.write(line) if self.terminal else print(line, flush=True)


def tensorboard(folder):
    """-> function (step, {name: number}) that writes summaries to <checkpoint_dir>/tensorboard."""
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError("--tensorboard=True: not installed; .venv/bin/pip install tensorboard", 2)
    writer = tf.summary.create_file_writer(str(Path(folder, "tensorboard")))

    def write(step, numbers):
        with writing(folder), writer.as_default():
            for name, value in numbers.items():
                tf.summary.scalar(name, value, step=step)
            writer.flush()

    return write
