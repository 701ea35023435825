"""What people choose, a line each: the file that prepare_products --triplets= takes."""

import csv
import errno
import fcntl
import io
import os
import re
from datetime import UTC, datetime

from command_line.errors import InputError
from datasets.product_table import image_name

HEADER = "reference,target,caption,time"
FORMULA = re.compile("[=+@＝＋－＠-]")  # a spreadsheet takes what begins with such for one


class Feedback:
    """A CSV file that any number of processes append to, whole lines only. Raises InputError where
    it can't be written, or holds something else."""

    def __init__(self, path):
        self.path = path
        try:
            self._append("")
        except OSError as error:
            raise InputError(f"--feedback={path}: {error.strerror}") from None

    def add(self, reference, target, caption):
        """Names of two pictures, and what was asked. Raises InputError for what can't stand in the
        file, OSError from the disk; then nothing of it is there."""
        for name in (reference, target):
            if image_name(name, name).strip() != name or FORMULA.match(name):
                raise InputError(f"{name!r}: a table can't hold this name")
        caption = " ".join(re.sub(r"^\W+", "", caption).split())  # the model reads words alone
        if not caption or not caption.isprintable():
            raise InputError("a table can't hold this sentence")
        line = io.StringIO()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        csv.writer(line, lineterminator="\n").writerow([reference, target, caption, now])
        self._append(line.getvalue())

    def _append(self, line):
        with open(self.path, "a+b", buffering=0) as opened:
            file = opened.fileno()
            fcntl.flock(file, fcntl.LOCK_EX)  # till it is closed
            size = os.fstat(file).st_size
            head = os.pread(file, 100, 0).decode("utf-8-sig", "replace").split()
            if size and head[:1] != [HEADER]:
                raise InputError(f"--feedback={self.path}: does not begin with {HEADER}")
            start = "" if size else f"{HEADER}\n"
            if line and size and os.pread(file, 1, size - 1) != b"\n":  # as an editor may leave it
                start = "\n"
            new = f"{start}{line}".encode()
            try:
                if os.write(file, new) < len(new):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                os.ftruncate(file, size)
                raise
