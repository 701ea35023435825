"""GloVe vectors for a vocabulary's words, from the files of nlp.stanford.edu/projects/glove."""

import contextlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from command_line.errors import InputError
from command_line.files import write_lines
from datasets.vocabulary import PADDING

WORD_INIT_STDDEV = 0.09  # words without a GloVe vector; published read_glove.py
MAX_LINE = 2**16  # bytes; the longest line of 840B has some 6,000
LINES_BETWEEN_UPDATES = 5000


def read_glove(path, words, dimension):
    """Vectors of `words` -> {word: float32 [dimension]}, in the order of the file.

    path: a GloVe file, text or .zip, or a folder with one. Each line is checked; memory holds the
    words found only.
    """
    path, vectors = find_glove(path, dimension), {}
    wanted, number = {word.encode() for word in words}, 0
    with _lines(path, dimension) as lines:
        for number, line in enumerate(lines, 1):
            values = line.count(b" ")
            # A token of 840B may hold blanks, the first one of a file doesn't.
            if values < dimension or (number == 1 and values != dimension):
                raise InputError(f"{path}:{number}: {values} values instead of {dimension}")
            if line[: line.find(b" ")] not in wanted:
                continue
            token, *numbers = line.rsplit(b" ", dimension)
            word = token.decode(errors="replace")
            if token in wanted and word not in vectors:
                vectors[word] = _vector(numbers, f"{path}:{number}: {word!r}")
    if not number:
        raise InputError(f"{path}: empty")
    return vectors


def embedding_matrix(words, vectors, dimension, seed):
    """Rows in the order of `words` -> float32 [len(words), dimension]; the padding's is zero.

    A word without a vector is drawn from N(0, 0.09^2), whatever the others are.
    """
    random = np.random.default_rng(seed)
    matrix = random.normal(0, WORD_INIT_STDDEV, (len(words), dimension)).astype(np.float32)
    for row, word in enumerate(words):
        if word in vectors or word == PADDING:
            matrix[row] = vectors.get(word, 0)
    return matrix


def find_glove(path, dimension):
    """The GloVe file itself, or the one of this dimension in a folder; text before .zip."""
    path = Path(path)
    if path.is_file():
        return path
    texts = sorted(path.glob(f"glove*.{dimension}d*.txt"))
    files = texts or sorted([*path.glob(f"glove*.{dimension}d*.zip"), *path.glob("glove.6B.zip")])
    if len(files) != 1:
        found = f"{len(files)} files ({', '.join(f.name for f in files)})" if files else "no file"
        message = f"{path}: {found} glove*.{dimension}d*; bash scripts/prepare_data.sh glove"
        raise InputError(f"{message} fetches one" if not files else f"{message}: name one", 2)
    return files[0]


@contextlib.contextmanager
def _lines(path, dimension):
    """The lines of a text file, or of the right member of a .zip, under a progress bar."""
    with contextlib.ExitStack() as stack:
        try:
            if zipfile.is_zipfile(path):
                archive = stack.enter_context(zipfile.ZipFile(path))
                name = _member(archive, path, dimension)
                size, file = archive.getinfo(name).file_size, archive.open(name)
            else:
                size, file = path.stat().st_size, path.open("rb")
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: {error}") from None
        stack.enter_context(file)
        bar = tqdm(total=size, unit="B", unit_scale=True, desc=path.name, leave=False)
        yield _split(file, path, stack.enter_context(bar))


def _member(archive, path, dimension):
    names = [name for name in archive.namelist() if name.endswith(".txt")]
    names = [name for name in names if f"{dimension}d" in name] or names
    if len(names) != 1:
        raise InputError(f"{path}: {len(names)} text files of dimension {dimension} in it")
    return names[0]


def _split(file, path, bar):
    number = read = 0
    while True:
        try:
            line = file.readline(MAX_LINE)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(f"{path}: unreadable after line {number}: {error}") from None
        number, read = number + 1, read + len(line)
        if number % LINES_BETWEEN_UPDATES == 0 or not line:
            bar.update(read - bar.n)
        if not line:
            return
        if len(line) == MAX_LINE:
            raise InputError(f"{path}:{number}: a line of over {MAX_LINE} bytes; not GloVe text")
        yield line.rstrip(b"\r\n ")


def _vector(numbers, place):
    try:
        vector = np.array([float(number) for number in numbers], np.float32)
    except ValueError as error:
        raise InputError(f"{place}: {error}") from None
    if not np.isfinite(vector).all():
        raise InputError(f"{place}: a value is not finite")
    return vector


def save_glove(path, vectors):
    """GloVe text again: nine digits give the same float32 back."""
    rows = (" ".join([word, *(f"{x:.9g}" for x in vector)]) for word, vector in vectors.items())
    try:
        write_lines(path, rows)
    except OSError as error:
        raise InputError(f"--output={path}: {error.strerror}") from None
