"""What the runs of a comparison start from, remembered by content.

A run is known by its settings, so by names. Other bytes under the same name make another run: a
table of both would be of two backbones.
"""

import hashlib
from pathlib import Path

import datasets
from command_line.errors import InputError
from command_line.files import write_json
from datasets.released_files import read_json

INPUTS_FILE = "inputs.json"  # in the folder of the runs: {path: sha-256}


def check_inputs(root, dataset, data_paths, backbones):
    """Remembers annotations, how data were drawn, and pretrained checkpoints (folders or files).

    Raises InputError when one of them is not what it was for the runs in root."""
    path = Path(root, INPUTS_FILE)
    before = read_json(path, dict) if path.exists() else {}
    names = datasets.DRAWN, *datasets.READERS[dataset].ANNOTATIONS
    files = [Path(data_path, name) for data_path in data_paths for name in names]
    for backbone in map(Path, backbones):
        name = backbone.name.removesuffix(".index")
        folder = backbone.is_dir()
        files += backbone.glob("*.ckpt*") if folder else backbone.parent.glob(f"{name}*")
    now = {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files)
        if file.is_file()
    }
    for name, content in now.items():
        if before.get(name, content) != content:
            raise InputError(
                f"{name}: changed since runs in {root} started from it; give another "
                "--compare_dir, or remove that folder", 2,
            )  # fmt: skip
    write_json(path, {**before, **now})
