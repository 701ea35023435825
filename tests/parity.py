"""Compares our tensors with the published TensorFlow 1 graph's, for any golden file:

    .venv/bin/python tests/parity.py tests/golden/*.npz

The file's name says what it holds: golden_<eval|train>_<model>_ml_<A|B>_<size>.npz, or
golden_losses*.npz. Weights are rebuilt by name. Prints a row per tensor (relative error, limit)
and exits 1 if one is over its limit.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
import tensorflow as tf

from checkpointing.published_names import assign_variables
from command_line.errors import InputError, run_main
from config import make_config
from datasets.vocabulary import Vocabulary
from model import bidirectional_matching_loss, normalize, side_by_side, squared_distances
from tests.support.golden_recipes import draw, images, join_cell, published_shapes
from training.start import initial_model
from training.update import Training

VOCABULARY_SIZE = 50
LIMIT = 1e-5  # of ||ours - golden|| / ||golden||
# A training step at batch 4 normalises over few values and multiplies the published graph's own
# rounding: ours in float64 is as far off as in float32, as are two TensorFlow versions.
TRAINED_FEATURE_LIMIT = 2.4e-4
LOSS_LIMIT = 2e-5
# Of a kernel's regularisation, times its weights: the published graph adds their squares one after
# another in float32, and the more, the smaller each is beside the sum (golden_recipes).
PENALTY_LIMIT = 2e-11
MEAN_LIMIT = 4e-5  # of moving means: 0.6 % of them is batch means, as far off as the features
GRADIENT_LIMIT = 1e-2  # of a gradient's norm
VANISHING = 1e-6  # gradient norms below are compared absolutely
STEP_LIMIT = 0.1  # mean deviation of a weight after one Adam step, in steps
LOGITS_SHAPE = {"resnet_v2_50": (1, 1, 2048, 1000), "mobilenet_v1": (1, 1, 1024, 1000)}
LOGITS = {"resnet_v2_50": "resnet_v2_50/logits", "mobilenet_v1": "MobilenetV1/Logits/Conv2d_1c_1x1"}


class Row(NamedTuple):
    """One comparison."""

    name: str
    error: float
    limit: float


def compare(name, ours, golden, limit=LIMIT):
    ours, golden = np.asarray(ours, np.float64), np.asarray(golden, np.float64)
    if ours.size != golden.size:
        return Row(f"{name} {ours.shape} for {golden.shape}", np.inf, limit)
    norm = np.linalg.norm(golden)
    error = np.linalg.norm(ours.ravel() - golden.ravel())
    return Row(name, float(error / norm if norm else error), limit)


def rebuild(image_model, size, recipe):
    """The published model on a recipe's weights -> (Training, {published name: value})."""
    decay = 0.997 if image_model == "resnet_v2_50" else 0.9997
    sizes = dict(image_model=image_model, image_size=size, batch_norm_decay=decay)
    config = make_config(**sizes, dropout=0.0, as_published=True)
    vocabulary = Vocabulary(map(str, range(VOCABULARY_SIZE)))
    training = Training(config, *initial_model(config, vocabulary))
    shapes = published_shapes(training.variables)
    values = {name: draw(name, shape, recipe) for name, shape in shapes.items()}
    assign_variables(training.variables, values, "recipe")
    for name, average in training.averages.items():
        average.assign(training.variables[name].value)
    return training, values


def compare_eval(golden, image_model, recipe, size):
    """Level maps, text features, composition, query and gallery features."""
    model = rebuild(image_model, size, recipe)[0].model
    tokens, lengths = golden["tokens"], golden["lengths"]
    pictures = images(7, len(tokens), size, golden["images_sum"])
    maps = model.encode_image(pictures)
    rows = []
    for name, level in zip(("low", "mid", "global"), maps, strict=True):
        rows.append((f"{name}_map", level))
        rows.append((f"{name}_pool", np.mean(level, axis=(1, 2))))
    rows.append(("gallery", model.gallery_features(pictures)))
    # Extraction's way: each caption by itself, or masked in a batch.
    pooled = model.text_encoder([tokens, lengths])
    rows += [("text_pre_b1", pooled), ("text_b1", model.text_projection(pooled))]
    rows.append(("query_b1", model.query_features(pictures, tokens, lengths)))
    # The batch's way: zeros of padding take part in the max.
    padded = (lengths < tokens.shape[1])[:, None]
    pooled = np.where(padded, np.maximum(pooled, 0), pooled)
    text = model.text_projection(pooled)
    rows += [("text_pre", pooled), ("text", text)]
    for level, (composer, image_map) in enumerate(zip(model.composers, maps, strict=True)):
        parts = ("Conv", "Conv_1", "Conv_2", "Conv_3")
        outputs = [composer.get_layer(f"attention{level}.{p}.Relu").output for p in parts]
        inside = keras.Model(composer.inputs, [*outputs, composer.output])([image_map, text])
        fused, channel, spatial, attended, composite = inside
        rows += [
            (f"att{level}/vl_pool", np.mean(fused, axis=(1, 2))),
            (f"att{level}/ch", channel),
            (f"att{level}/sp", spatial),
            (f"att{level}/self_pool", np.mean(attended, axis=(1, 2))),
            (f"comp{level}_map", composite),
            (f"comp{level}_pool", np.mean(composite, axis=(1, 2))),
        ]
    rows.append(("query", side_by_side(model.compose(maps, text))))
    rows += stages(golden, model.image_encoder, pictures)
    return [compare(name, value, golden[name]) for name, value in rows if name in golden]


def stages(golden, image_encoder, pictures):
    """Channel means of every backbone activation the file holds."""
    names = [key for key in golden if key.startswith("stage/")]
    inner = (name.removeprefix("stage/").replace("MobilenetV1/Mob", "Mob") for name in names)
    layers = [image_encoder.get_layer(name.replace("/", ".")) for name in inner]
    values = keras.Model(image_encoder.inputs, [layer.output for layer in layers])(pictures)
    return [(key, np.mean(value, axis=(0, 1, 2))) for key, value in zip(names, values, strict=True)]


def compare_train(golden, image_model, recipe, size):
    """One training step with dropout off: losses, gradients, statistics and averages after it."""
    training, before = rebuild(image_model, size, recipe)
    batch = {
        "references": images(7, len(golden["tokens"]), size, golden["src_sum"]),
        "targets": images(9, len(golden["tokens"]), size, golden["tgt_sum"]),
        "tokens": golden["tokens"],
        "lengths": golden["lengths"],
        "labels": np.arange(len(golden["tokens"])),
        "data_position": np.zeros(2, np.int64),
    }
    model, rows = training.model, []
    gradients = {}

    def apply_gradients(computed, apply=training.apply_gradients):
        gradients.update({n: tf.convert_to_tensor(g).numpy() for n, g in computed.items()})
        apply(computed)

    training.apply_gradients = apply_gradients
    # The pooled features of a training pass, without moving any statistics.
    state = {name: v.numpy() for name, v in training.variables.items()}
    composed = model.query_levels(
        batch["references"], batch["tokens"], batch["lengths"], training=True
    )
    targets = model.gallery_levels(batch["targets"], training=True)
    for level, (composite, target) in enumerate(zip(composed, targets, strict=True)):
        for name, feature in ((f"f_composite{level}", composite), (f"f_target{level}", target)):
            rows.append(compare(name, feature, golden[name], TRAINED_FEATURE_LIMIT))
    for name, value in state.items():
        training.variables[name].assign(value)
    total, *matching, regularization = [float(loss) for loss in training.update(batch)]
    rows.append(compare("matching_losses", matching, golden["matching_losses"], LOSS_LIMIT))
    # The published graph regularises its unused classifier too.
    logits = f"{LOGITS[image_model]}/weights"
    before[logits] = draw(logits, LOGITS_SHAPE[image_model], recipe)
    unused = penalty(before[logits], training)
    rows.append(compare("reg_loss", regularization + unused, golden["reg_loss"], LOSS_LIMIT))
    rows.append(compare("total_loss", total + unused, golden["total_loss"], LOSS_LIMIT))
    for name, value in zip(golden["reg_names"], golden["reg_losses"], strict=True):
        variable = regularized_variable(str(name))
        limit = max(LOSS_LIMIT, PENALTY_LIMIT * before[variable].size)
        rows.append(compare(f"reg/{variable}", penalty(before[variable], training), value, limit))
    rows += compare_gradients(golden, join_cell(gradients, bias_shift=0))
    return rows + compare_after(golden, training, before)


def penalty(weights, training):
    return training.config.weight_decay / 2 * np.sum(np.square(weights, dtype=np.float64))


def regularized_variable(name):
    """Name of a published regularisation term -> name of its variable."""
    scope = name.split("/kernel/")[0].replace("MobilenetV1/Mob", "Mob")
    return f"{scope}/weights"


def compare_gradients(golden, gradients):
    """Norm of each variable's gradient; vanishing ones absolutely.

    What only shifts the input of batch normalisations has no gradient: ours is compared with 0,
    for the published one is rounding, which grows with the gradients it is left over from."""
    rows = []
    rounding = VANISHING * max(1.0, golden["grad_norm"].max())
    for name, norm in zip(golden["grad_names"], golden["grad_norm"], strict=True):
        ours = np.linalg.norm(np.asarray(gradients[str(name)], np.float64))
        error = abs(ours - norm)
        if str(name).endswith(("/biases", "projection/text/BatchNorm/beta")):
            rows.append(Row(f"|grad|/{name} (against 0)", float(ours), rounding))
        elif norm < VANISHING or error <= VANISHING:
            rows.append(Row(f"|grad|/{name} (absolute)", error, VANISHING))
        else:
            rows.append(Row(f"|grad|/{name}", error / norm, GRADIENT_LIMIT))
    return rows


def compare_after(golden, training, before):
    """Statistics, weights and averages after the step.

    Adam's first step is the gradient's sign, so where a gradient vanishes its direction is
    rounding; weights are compared by how far they are off, in steps, on average."""
    rate = training.config.init_learning_rate
    after = join_cell({n: v.numpy() for n, v in training.variables.items()}, bias_shift=1)
    averages = join_cell({n: a.numpy() for n, a in training.averages.items()}, bias_shift=1)
    rows = []
    for key, value in golden.items():
        kind, _, name = key.partition("/")
        if kind == "bn_after":
            mean = name.endswith("moving_mean")
            rows.append(compare(key, after[name], value, MEAN_LIMIT if mean else LIMIT))
        if kind == "after_step" and name in averages:
            published = before[name] + (1 - training.config.average_decay) * (value - before[name])
            rows.append(compare(f"average/{name}", averages[name], published))
            off = np.mean(np.abs(after[name] - value)) / rate
            rows.append(Row(f"{key} (mean, in steps)", float(off), STEP_LIMIT))
    return rows


def compare_losses(golden):
    """Matching losses of given matrices, and their gradients."""
    rows = []
    for key, value in golden.items():
        case, kind, what = (key.split("/") + ["", ""])[:3]
        if what != "loss":
            continue
        query = tf.constant(golden[f"{case}/images"])
        target = tf.constant(golden[f"{case}/texts"])
        negatives = {"semi": "semi_hard", "hard": "hardest"}[kind]
        with tf.GradientTape() as tape:
            tape.watch([query, target])
            distances = squared_distances(normalize(query), normalize(target))
            labels = tf.range(len(query))
            loss = bidirectional_matching_loss(distances, labels, 0.2, negatives, as_published=True)
        rows.append(compare(key, loss, value))
        gradients = tape.gradient(loss, [query, target])
        for name, gradient in zip(("grad_images", "grad_texts"), gradients, strict=True):
            rows.append(compare(f"{case}/{kind}/{name}", gradient, golden[f"{case}/{kind}/{name}"]))
    return rows


def compare_file(path):
    """All rows of one golden file. Raises InputError for a name or content outside the schema."""
    path = Path(path)
    name = re.fullmatch(r"golden_(eval|train)_(\w+)_ml_([AB])_(\d+).*|golden_losses.*", path.stem)
    if not name:
        raise InputError(f"{path}: not named golden_<eval|train>_<model>_ml_<A|B>_<size>.npz")
    try:
        with np.load(path) as file:
            golden = {key: file[key] for key in file.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable ({error})") from None
    kind, image_model, recipe, size = name.groups()
    if kind is None:
        return compare_losses(golden)
    compare_kind = {"eval": compare_eval, "train": compare_train}[kind]
    return compare_kind(golden, image_model, recipe, int(size))


def main(argv):
    if not argv:
        raise InputError("name at least one golden file", 2)
    over = 0
    for path in argv:
        rows = compare_file(path)
        print(path)
        for row in rows:
            verdict = "" if row.error <= row.limit else "  OVER"
            over += bool(verdict)
            print(f"  {row.name:<72} {row.error:9.2e}  limit {row.limit:.0e}{verdict}")
    print(f"{over} over the limit" if over else "all within their limits")
    return int(over > 0)


if __name__ == "__main__":
    run_main(main)
