"""An export as it lies on disk, written and read without TensorFlow.

<export_dir>/
  export.json         how to use it, what made it; sha-256 of every other file and of itself
  vocabulary.txt      one word a line, line number (from 0) = token
  query.onnx, gallery.onnx and/or saved_model/
  example.py, pictures.py, MODEL_CARD.md
"""

import hashlib
import json
from pathlib import Path

from command_line.errors import InputError
from command_line.files import write_json
from datasets.released_files import read_json

FORMAT = 1
ABOUT, VOCABULARY, CARD, SAVED_MODEL = (
    "export.json", "vocabulary.txt", "MODEL_CARD.md", "saved_model",
)  # fmt: skip
ENCODERS = ("query", "gallery")
OWN_DIGEST = "sha256_of_the_rest"


def onnx_file(encoder):
    return f"{encoder}.onnx"


def digest(content):
    return hashlib.sha256(content).hexdigest()


def digests(folder):
    """{path below folder: sha-256} of all files but export.json."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    names = {path: path.relative_to(folder).as_posix() for path in files}
    return {name: digest(path.read_bytes()) for path, name in names.items() if name != ABOUT}


def own_digest(about):
    rest = {name: value for name, value in about.items() if name != OWN_DIGEST}
    return digest(json.dumps(rest, sort_keys=True).encode())


def write_metadata(folder, about):
    """Writes export.json, last: it holds the digests of the files that are there."""
    about = {"format": FORMAT, **about, "files": digests(folder)}
    write_json(Path(folder, ABOUT), {**about, OWN_DIGEST: own_digest(about)})


def read_metadata(folder):
    """export.json. Raises InputError for what is no export of this FORMAT, or was changed."""
    path = Path(folder, ABOUT)
    if not path.exists():
        raise InputError(f"{folder}: no {ABOUT} in it; export_model.py makes an export")
    about = read_json(path, dict)
    if about.get("format") != FORMAT:
        raise InputError(f"{path}: format {about.get('format')!r}, this code reads {FORMAT}")
    if about.get(OWN_DIGEST) != own_digest(about):
        raise InputError(f"{path}: changed since it was exported")
    return about


def read_file(folder, about, name):
    """Bytes of one file of an export. Raises InputError when it is not the one exported."""
    path = Path(folder, name)
    if name not in about["files"]:
        raise InputError(f"{path}: not part of this export; export again with --format=both")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if digest(content) != about["files"][name]:
        raise InputError(f"{path}: damaged, or of another export: not the file {ABOUT} names")
    return content
