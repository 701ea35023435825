"""What a disk refuses is said in one line, file and reason; nothing half is left."""

import contextlib
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line.errors import InputError
from command_line.files import append, whole_file, write_lines
from demo.pretrain_backbone import save_slim_checkpoint


@contextlib.contextmanager
def full_disk(size=1000):
    """No file can grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def numpy_array(path):
    with whole_file(path, "wb") as file:
        np.save(file, np.zeros(1000))


def picture(path):
    with whole_file(path, "wb") as file:
        Image.effect_noise((99, 99), 99).save(file, "JPEG")


def checkpoint(path):
    save_slim_checkpoint(path, {"weights": np.zeros(1000)})


def lines(path):
    write_lines(path, ["line"] * 1000)


@pytest.mark.parametrize("write", [numpy_array, picture, lines, checkpoint])
def test_file_and_reason(tmp_path, write):
    with pytest.raises((OSError, InputError)) as refused, full_disk():
        write(tmp_path / "new")
    assert "File too large" in str(refused.value) and f"{tmp_path}/new" in str(refused.value)
    assert "\n" not in str(refused.value) and "tempstate" not in str(refused.value)
    assert not (tmp_path / "new").exists()
    write(tmp_path / "new")
    assert any(tmp_path.glob("new*"))


def test_a_line_is_appended_whole_or_not_at_all(tmp_path):
    append(tmp_path / "a/log", "first\n")
    with pytest.raises(OSError, match="File too large: .*a/log"), full_disk():
        append(tmp_path / "a/log", "x" * 995)
    append(tmp_path / "a/log", "second\n")
    assert (tmp_path / "a/log").read_text() == "first\nsecond\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_what_is_printed_to_a_full_disk():
    script = "from command_line.errors import run_main; run_main(lambda argv: print('x' * {}))"
    for length in (10, 10_000):  # fails at the end, and within main
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-c", script.format(length)], cwd=Path(__file__).parents[2],
                stdout=full, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        said = "error: standard output: [Errno 28] No space left on device\n"
        assert (done.returncode, done.stderr) == (1, said)
