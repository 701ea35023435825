"""Training batches: which examples, in which order, augmented how, and their images."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from command_line.errors import InputError
from datasets.image_cache import pixel_reader
from datasets.images import FIXED_PARALLELISM, load_augmented
from datasets.vocabulary import pad
from nets.compositions import COMPOSITIONS


class Example(NamedTuple):
    """One training example, ready to load."""

    reference: str  # path of the reference image
    target: str  # path of the target image
    words: list  # ids of the relative caption
    label: int | None = None  # as datasets.records.Triplet's
    reference_label: int | None = None


def batch_plan(config, examples_of_epoch, epoch, batch):
    """Endless batches from batch `batch` of epoch `epoch` on, as NumPy arrays: what to load and
    how to augment it. The order is a function of (seed, epoch), the augmentation of (seed, epoch,
    batch), so that a resumed run draws what an uninterrupted one draws."""
    size, top = config.image_size, config.crop_from
    while True:
        examples = examples_of_epoch(epoch)
        order = np.random.default_rng([config.seed, epoch]).permutation(len(examples))
        batches = len(order) // config.batch_size
        if batches == 0:
            raise InputError(
                f"--batch_size={config.batch_size}: epoch {epoch} has only {len(order)} examples"
            )
        for index in range(batch, batches):
            rows = order[index * config.batch_size : (index + 1) * config.batch_size]
            chosen = [examples[row] for row in rows]
            rng = np.random.default_rng([config.seed, epoch, index])
            shape = (config.batch_size, 2)  # reference, target
            flips = rng.random(shape) < 0.5 if config.augmentation else np.zeros(shape, bool)
            resize_edges = rng.integers(size, top, shape) if top else np.full(shape, size)
            crop_offsets = rng.integers(0, resize_edges[..., None] - size + 1, (*shape, 2))
            tokens, lengths = pad([example.words for example in chosen])
            labels = labels_of(chosen, config.reference_negatives)
            yield {
                "paths": np.array([[example.reference, example.target] for example in chosen]),
                "flips": flips,
                "resize_edges": resize_edges.astype(np.int32),
                "crop_offsets": crop_offsets.astype(np.int32),
                "tokens": tokens,
                "lengths": lengths,
                "labels": np.array(labels, np.int32),
                "data_position": np.array([epoch, index], np.int64),
            }
        epoch, batch = epoch + 1, 0


def labels_of(examples, with_references=False):
    """Of a batch's targets, its row where an example has none; and of its references after them,
    which then are equal to a target of the same file alone."""
    targets = [row if each.label is None else each.label for row, each in enumerate(examples)]
    if not with_references:
        return targets
    files = {each.target: label for each, label in zip(examples, targets, strict=True)}
    return targets + [
        files.get(each.reference, -1 - row) if each.label is None else each.reference_label
        for row, each in enumerate(examples)
    ]


def input_pipeline(config, examples_of_epoch, epoch, batch, shares):
    """Dataset of training batches with images: references and targets [B, S, S, 3].

    shares: slices of equal size; of each batch come these rows, one element for each slice, with
    the labels of all."""
    read = pixel_reader(config)

    def plans():
        for plan in batch_plan(config, examples_of_epoch, epoch, batch):
            whole = {key: plan.pop(key) for key in ("labels", "data_position")}
            for rows in shares:
                yield {**{key: value[rows] for key, value in plan.items()}, **whole}

    def load_image(image):
        return load_augmented(*image, config.image_size, config.as_published, read)

    def load_side(plan, side):
        of_images = "paths", "resize_edges", "crop_offsets", "flips"
        images = tuple(plan[key][:, side] for key in of_images)
        return tf.map_fn(load_image, images, fn_output_signature=tf.float32)

    @tf.autograph.experimental.do_not_convert
    def load_batch(plan):
        targets = load_side(plan, 1)
        used = COMPOSITIONS[config.composition].uses_image or config.reference_negatives
        return {
            "references": load_side(plan, 0) if used else targets[:, :0, :0],
            "targets": targets,
            **{key: plan[key] for key in ("tokens", "lengths", "labels", "data_position")},
        }

    size = shares[0].stop - shares[0].start
    pairs = (size, 2)
    signature = {
        "paths": tf.TensorSpec(pairs, tf.string),
        "flips": tf.TensorSpec(pairs, tf.bool),
        "resize_edges": tf.TensorSpec(pairs, tf.int32),
        "crop_offsets": tf.TensorSpec((*pairs, 2), tf.int32),
        "tokens": tf.TensorSpec((size, None), tf.int32),
        "lengths": tf.TensorSpec((size,), tf.int32),
        "labels": tf.TensorSpec((config.batch_size * (1 + config.reference_negatives),), tf.int32),
        "data_position": tf.TensorSpec((2,), tf.int64),
    }
    dataset = tf.data.Dataset.from_generator(plans, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    dataset = dataset.map(load_batch, tf.data.AUTOTUNE, deterministic=True).prefetch(2)
    return dataset.with_options(FIXED_PARALLELISM)
