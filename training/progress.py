"""What a run says while it trains: CSV logs, a progress bar or lines, TensorBoard summaries."""

import csv
import importlib.util
import sys
import time
from pathlib import Path

from tqdm import tqdm

from command_line.errors import InputError
from command_line.files import whole_file


class Log:
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
        self.done, self.start, self.losses = 0, None, {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.bar.close()

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
        if not self.done:
            return 0.0
        return self.done * self.batch_size / (time.perf_counter() - self.start)

    def report(self, step):
        """A line, where there is no bar."""
        if not self.terminal:
            rate = self.rate()
            left = f", {(self.last - step) * self.batch_size / rate:.0f} s left" if rate else ""
            print(f"step {step}/{self.last}: {self.state()}{left}", flush=True)

    def say(self, line):
        self.bar.write(line) if self.terminal else print(line, flush=True)


class TensorBoard:
    """Summaries of the logged numbers, in <checkpoint_dir>/tensorboard."""

    def __init__(self, folder):
        if importlib.util.find_spec("tensorboard") is None:
            raise InputError(
                "--tensorboard=True: not installed; .venv/bin/pip install tensorboard", 2
            )
        import tensorflow as tf

        self.writer = tf.summary.create_file_writer(str(Path(folder, "tensorboard")))
        self.scalar = tf.summary.scalar

    def write(self, step, numbers):
        with self.writer.as_default():
            for name, value in numbers.items():
                self.scalar(name, value, step=step)
        self.writer.flush()
