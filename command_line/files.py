"""Files and folders that appear whole or not at all."""

import contextlib
import io
import json
import os
import shutil
import threading
from pathlib import Path

from command_line.errors import InputError, refusal


@contextlib.contextmanager
def writing(path):
    """Within it, a disk that refuses names `path` where it names no file; TensorFlow's errors of
    that kind become an InputError."""
    try:
        yield
    except OSError as error:
        if refusal(error) and error.filename is None:
            error.filename = str(path)
        raise
    except Exception as error:
        if reason := refusal(error):
            raise InputError(f"{path}: not written: {reason}") from None
        raise


class WrittenFile(io.BufferedWriter):
    """Gives its descriptor to nobody: NumPy and Pillow would write to it themselves, NumPy without
    the reason when it fails, Pillow without noticing when a part of the last bytes fits."""

    def fileno(self):
        raise io.UnsupportedOperation("fileno")


@contextlib.contextmanager
def whole_file(path, mode="w"):
    """A file to write ("w": UTF-8 text, "wb": bytes), at `path` only once it is complete: it is
    written beside its place and renamed, and leaves nothing behind when that fails."""
    path = Path(path)
    # Threads or processes may write one file at once: each replaces it by its own.
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with writing(path):
            binary = WrittenFile(io.FileIO(temporary, "w"))
            with binary if "b" in mode else io.TextIOWrapper(binary, "utf-8", newline="") as file:
                yield file
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def whole_folder(path):
    """A new folder to fill, at `path` only once it is complete, as whole_file."""
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        unfinished.rename(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def append(path, text):
    """At the end of a file, whole or not at all; makes the folder. In one write, so that processes
    side by side don't mix their lines."""
    path, data, written = Path(path), text.encode(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path), path.open("ab", buffering=0) as file:
        try:
            while written < len(data):  # a full disk may take a part first
                written += file.write(data[written:])
        except OSError:
            if file.tell() == file.seek(0, os.SEEK_END):  # else the lines of another follow
                file.truncate(file.tell() - written)
            raise


def write_lines(path, lines):
    """One line each; makes the folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.writelines(f"{line}\n" for line in lines)


def write_json(path, value):
    """Indented, for people too."""
    write_lines(path, [json.dumps(value, indent=2)])
