"""GloVe files: the three formats, coverage, bad files, bounded memory."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line.errors import InputError
from datasets.glove import embedding_matrix, read_glove
from datasets.vocabulary import Vocabulary
from read_glove import main
from tests.support.small_data import maybe_input_error

TEXT = b"the 0.5 1 -2\nred 1e-3 0 0.25\nat name@x.com 7 8 9\n\xff\xfe 1 2 3\ncaf\xc3\xa9 4 5 6\n"


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "glove.840B.3d.txt"
    path.write_bytes(TEXT)
    return path


def test_vectors(glove):
    vectors = read_glove(glove, ["café", "red", "at", "<unk>"], 3)
    assert {word: vector.tolist() for word, vector in vectors.items()} == {
        "red": [np.float32(1e-3), 0, 0.25],
        "café": [4, 5, 6],  # and "at" is part of a token with a blank
    }
    matrix = embedding_matrix(["<pad>", "<unk>", "red", "at"], vectors, 3, seed=1)
    assert matrix.shape == (4, 3) and matrix.dtype == np.float32
    assert (matrix[0] == 0).all() and matrix[2, 2] == 0.25 and (matrix[1] != matrix[3]).all()


def test_words_without_a_vector():
    matrix = embedding_matrix([str(i) for i in range(1000)], {}, 50, seed=3)
    assert abs(matrix.mean()) < 0.002 and abs(matrix.std() - 0.09) < 0.002
    assert (matrix == embedding_matrix([str(i) for i in range(1000)], {}, 50, seed=3)).all()


def test_zip_of_several_dimensions(tmp_path):
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("glove.6B.3d.txt", TEXT)
        archive.writestr("glove.6B.2d.txt", b"red 1 2\n")
    assert read_glove(tmp_path, ["red"], 2)["red"].tolist() == [1, 2]
    assert read_glove(tmp_path / "glove.6B.zip", ["the"], 3)["the"].tolist() == [0.5, 1, -2]
    whole = (tmp_path / "glove.6B.zip").read_bytes()
    (tmp_path / "glove.6B.zip").write_bytes(whole[:50] + b"xxxx" + whole[54:])
    with pytest.raises(InputError, match=r"glove\.6B\.zip: unreadable after line"):
        read_glove(tmp_path, ["red"], 3)


def test_folder(tmp_path, glove):
    assert set(read_glove(tmp_path, ["red"], 3)) == {"red"}
    with pytest.raises(InputError, match="no file glove.*prepare_data.sh glove") as error:
        read_glove(tmp_path, ["red"], 300)
    assert error.value.exit_code == 2
    (tmp_path / "glove.42B.3d.txt").write_bytes(TEXT)
    with pytest.raises(InputError, match="2 files .*name one"):
        read_glove(tmp_path, ["red"], 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1917494 3\nred 1 2 3\n", ":1: 1 values instead of 3"),
        (b"the 1 2 3 4\n", ":1: 4 values instead of 3"),
        (b"the 1 2 3\nblue 1 2\n", ":2: 2 values instead of 3"),
        (b"the 1 2 3\n\nred 1 2 3\n", ":2: 0 values"),
        (b"the 1 2 3\nred 1 2 x\n", ":2: 'red': could not convert"),
        (b"the 1 2 3\nred 1 nan 3\n", ":2: 'red': a value is not finite"),
        (b"the 1 2 3\n" + b"x" * 100_000, ":2: a line of over"),
        (b"", ": empty"),
    ],
)
def test_bad_file(tmp_path, content, message):
    (tmp_path / "glove.txt").write_bytes(content)
    with pytest.raises(InputError, match="glove.txt" + message):
        read_glove(tmp_path / "glove.txt", ["red"], 3)


@given(st.lists(st.sampled_from([b"red", b" ", b"\n", b"1", b"-2.5", b"x", b"\xff", b"nan"])))
def test_any_bytes_give_vectors_or_input_error(tmp_path_factory, pieces):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(b"".join(pieces))
    with maybe_input_error(r"any\.txt:"):
        vectors = read_glove(path, ["red"], 2)
        assert all(np.isfinite(vector).all() and len(vector) == 2 for vector in vectors.values())


def test_command(tmp_path, glove, capsys):
    Vocabulary.build(["red shoes the", "café"]).save(tmp_path / "vocab.txt")
    flags = [f"--vocabulary={tmp_path}/vocab.txt", "--word_embedding_size=3"]
    main([*flags, f"--word_embedding_dir={glove}", f"--output={tmp_path}/small.txt"])
    printed = capsys.readouterr().out
    assert "3 of 4 words have a vector, 1 don't\nshoes\n" in printed
    words = ["red", "the", "café"]
    large, small = read_glove(glove, words, 3), read_glove(tmp_path / "small.txt", words, 3)
    assert all((large[word] == small[word]).all() for word in words) and len(small) == 3


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "glove.txt"
    line = b" ".join([b"%.5f"] * 300) % tuple(np.linspace(-1, 1, 300)) + b"\n"
    with path.open("wb") as file:
        for i in range(40):
            file.write(b"".join(b"w%d_%d " % (i, j) + line for j in range(1000)))
    code = (
        "import resource\nfrom datasets import glove\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"assert len(glove.read_glove({str(path)!r}, ['w39_999'], 300)) == 1\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert path.stat().st_size > 90e6 and int(run.stdout) < 20_000  # KiB
