"""What made, or makes, an index's features: a trained run, or a model that export_model.py wrote.
No TensorFlow here; opening.py opens them."""

import os

from catalogue.examples import example_sentences
from catalogue.identity import fingerprint, versions
from checkpointing.run_folder import checkpoint_path
from command_line.errors import InputError
from datasets.pictures import DECODER
from export.folder import read_metadata

OF_RUN = ("tensorflow", "keras", "numpy", "pillow")
OF_EXPORT = ("onnxruntime", "numpy", "pillow")
INSTALL = {
    "tensorflow": "bash scripts/setup.sh (or give --model=, an export of the run)",
    "onnxruntime": "bash scripts/setup.sh --onnx, or pip install onnxruntime",
}


def of_run(checkpoint_dir, exact_model_checkpoint=""):
    """What index.json says of it. Raises InputError as checkpoint_path and fingerprint do."""
    path = checkpoint_path(checkpoint_dir, exact_model_checkpoint)
    return {
        "checkpoint_dir": os.path.abspath(checkpoint_dir),
        "checkpoint": path,
        "fingerprint": {**fingerprint(checkpoint_dir, path), "decoder": DECODER},
        "versions": versions(OF_RUN, INSTALL),
    }


def of_export(model):
    """What index.json says of an export. It has its run's fingerprint: both may share an index."""
    return {
        "checkpoint_dir": "",
        "checkpoint": os.path.abspath(model),
        "fingerprint": {**read_metadata(model)["fingerprint"], "decoder": DECODER},
        "versions": versions(OF_EXPORT, INSTALL),
    }


def require_composed(where, uses_image, uses_text):
    """Raises InputError unless a composition makes its query of a picture and a sentence."""
    if not (uses_image and uses_text):
        raise InputError(f"{where}: this composition does not use both picture and text")


def examples(source):
    """Sentences to begin with, of what of_run or of_export gave."""
    if source["checkpoint_dir"]:
        return example_sentences(source["checkpoint_dir"])
    return read_metadata(source["checkpoint"])["examples"]
