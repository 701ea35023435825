"""Files and folders that appear whole or not at all, and folders that one process writes."""

import contextlib
import fcntl
import io
import json
import os
import shutil
import threading
from pathlib import Path

from command_line.errors import InputError, refusal

LOCK = "writer.lock"


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


def lock_folder(folder, wait=False, name=LOCK):
    """Makes the folder and claims it -> the open lock file. The claim ends when that is closed: by
    us, or with this process and those that it was passed to, however they end.

    wait: for another process that has it; otherwise InputError names the folder."""
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            file.close()
            raise InputError(
                f"{folder}: another process is writing there ({name}); let it end, or give "
                "another folder"
            ) from None
        print(f"waiting for another process that works in {folder}", flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        print(f"{path}: no locks here ({error.strerror}); let no other process write there")
    return file


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
    """A new folder to fill, at `path` only once it is complete, as whole_file. Raises InputError
    when another process fills one for that place, or there is one."""
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.part")
    with lock_folder(unfinished):
        if path.exists():
            raise InputError(f"{path}: there already")
        new = unfinished / path.name
        shutil.rmtree(new, ignore_errors=True)  # of a process that was killed
        new.mkdir()
        try:
            yield new
            new.rename(path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


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
