"""The demo's stand-in for ImageNet weights: teaches a MobileNet to name drawn attributes.

    python -m demo.pretrain_backbone --checkpoint=pretrain_model/demo_mobilenet_v1_025/model.ckpt

Real ImageNet checkpoints cannot be bundled, and VAL learns slowly from random weights. The result
is a checkpoint with slim's variable names, which training restores as it restores a real one.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from config import PRESETS, check_flag_form
from demo.garments import ATTRIBUTES, draw, label_sizes, labels, random_garment
from errors import run_main

IMAGES = 6000  # drawn, none of them in the demo data; held-out combinations left out
EPOCHS = 8
BATCH = 64


def draw_labelled(index, seed, size):
    """Picture index of the classification set -> (uint8 [size, size, 3], labels)."""
    rng = np.random.default_rng([seed, index])
    kinds = ATTRIBUTES["kind"]
    garment = random_garment(rng, kinds[index % len(kinds)])
    return np.asarray(draw(garment, rng, size)), labels(garment)


def draw_set(seed, size):
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(partial(draw_labelled, seed=seed, size=size), range(IMAGES), chunksize=50)
        images, classes = zip(*tqdm(drawn, total=IMAGES, desc="drawing", unit="image"), strict=True)
    return np.stack(images), np.array(classes)


def pretrain(images, classes, seed):
    """Trains a backbone to name the attributes; returns it. images: uint8 [N, S, S, 3];
    classes: int [N, attributes], -1 where a garment lacks the attribute."""
    import keras
    import tensorflow as tf

    from nets.mobilenet_v1 import mobilenet_v1

    keras.utils.set_random_seed(seed)
    backbone = mobilenet_v1(images.shape[1], 0.25, PRESETS["demo"]["batch_norm_decay"], 4e-5)
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.outputs[-1])
    heads = {
        name: keras.layers.Dense(size, name=name)(pooled)
        for name, size in zip(ATTRIBUTES, label_sizes(), strict=True)
    }
    model = keras.Model(backbone.inputs, heads)
    steps = EPOCHS * (len(images) // BATCH)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, steps)),
        loss={
            name: keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
            for name in heads
        },
    )

    def example(image, label):
        image = tf.image.random_flip_left_right(image, seed=seed)
        named = {name: label[i] for i, name in enumerate(heads)}
        return tf.cast(image, tf.float32) / 127.5 - 1, named

    data = tf.data.Dataset.from_tensor_slices((images, classes)).shuffle(len(images), seed)
    data = data.map(example).batch(BATCH, drop_remainder=True).prefetch(2)
    model.fit(data, epochs=EPOCHS, verbose=2)
    return backbone


def save_slim_checkpoint(prefix, variables):
    """Writes {name: variable} as a TensorFlow checkpoint with plain variable names, like slim's."""
    import tensorflow as tf

    prefix = Path(prefix)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    names = sorted(variables)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[variables[name].value for name in names],
    )


def main(argv):
    check_flag_form(argv)
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--checkpoint", required=True, help="prefix of the checkpoint to write")
    parser.add_argument("--seed", type=int, default=1)
    flags = parser.parse_args(argv)
    images, classes = draw_set(flags.seed, PRESETS["demo"]["image_size"])
    backbone = pretrain(images, classes, flags.seed)

    from nets.pretrained import named_variables

    save_slim_checkpoint(flags.checkpoint, named_variables(backbone))
    print(f"pretrained: {flags.checkpoint}")


if __name__ == "__main__":
    run_main(main)
