"""The encoders as a SavedModel and as ONNX files, each checked against the model it came from."""

import importlib.util
from pathlib import Path

import tensorflow as tf

from command_line.errors import InputError
from export.encoders import largest_difference, sample_inputs
from export.folder import ENCODERS, SAVED_MODEL, onnx_file

OPSET = 17  # ONNX 1.12, 2022
MOST = 1e-4  # relative difference of a feature; of rounding it is some 1e-7, seldom 1e-5


def require_onnx_packages():
    """Raises InputError that says how to install what is missing."""
    for name in ("tf2onnx", "onnxruntime"):
        if not importlib.util.find_spec(name):
            raise InputError(
                f"--format: ONNX needs {name}: bash scripts/setup.sh --onnx "
                "(--format=saved_model does without)"
            )


def write_saved_model(encoders, folder):
    """Writes <folder>/saved_model -> function (encoder, inputs) -> features of what it wrote."""
    path = str(Path(folder, SAVED_MODEL))
    signatures = {name: getattr(encoders, name).get_concrete_function() for name in ENCODERS}
    tf.saved_model.save(encoders, path, signatures)
    loaded = tf.saved_model.load(path).signatures

    def run(encoder, inputs):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return loaded[encoder](**tensors)["features"].numpy()

    return run


def write_onnx(encoders, folder, names=ENCODERS):
    """Writes <folder>/<name>.onnx of each encoder -> the function that write_saved_model gives."""
    import onnxruntime
    import tf2onnx

    sessions = {}
    for name in names:
        function, path = getattr(encoders, name), Path(folder, onnx_file(name))
        with tf.device("CPU"):
            proto, _ = tf2onnx.convert.from_function(
                function, input_signature=function.input_signature, opset=OPSET
            )
        path.write_bytes(proto.SerializeToString())
        sessions[name] = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda encoder, inputs: sessions[encoder].run(["features"], inputs)[0]


WRITERS = {"saved_model": write_saved_model, "onnx": write_onnx}


def write_models(encoders, image_size, words, kinds, folder):
    """Writes the kinds among WRITERS -> {"saved_model.query": largest relative difference, ...}.

    Raises InputError when one differs by more than MOST from the model."""
    inputs, differences = sample_inputs(image_size, words), {}
    for kind in kinds:
        run = WRITERS[kind](encoders, folder)
        for encoder in ENCODERS:
            takes = [spec.name for spec in getattr(encoders, encoder).input_signature]
            taken = {name: inputs[name] for name in takes}
            expected = getattr(encoders, encoder)(**taken)["features"].numpy()
            difference = largest_difference(run(encoder, taken), expected)
            if not difference <= MOST:
                raise InputError(f"{kind}, {encoder}: differs from the model by {difference:.1e}")
            differences[f"{kind}.{encoder}"] = difference
    return differences
