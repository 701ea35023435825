"""Files and folders that appear whole or not at all."""

import contextlib
import json
import os
import shutil
import threading
from pathlib import Path


@contextlib.contextmanager
def whole_file(path, mode="w"):
    """A file to write ("w": UTF-8 text, "wb": bytes), at `path` only once it is complete: it is
    written beside its place and renamed, and leaves nothing behind when that fails."""
    path = Path(path)
    # Threads or processes may write one file at once: each replaces it by its own.
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    options = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    try:
        with temporary.open(mode, **options) as file:
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


def write_lines(path, lines):
    """One line each; makes the folder."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.writelines(f"{line}\n" for line in lines)


def write_json(path, value):
    """Indented, for people too."""
    write_lines(path, [json.dumps(value, indent=2)])
