"""The demo's stand-in for ImageNet weights: teaches a MobileNet to name drawn attributes.

    python -m demo.pretrain_backbone --checkpoint=pretrain_model/demo_mobilenet_v1_025/model.ckpt

Real ImageNet checkpoints cannot be bundled, and VAL learns slowly from random weights. The result
is a checkpoint with slim's variable names, which training restores as it restores a real one.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from command_line.errors import run_main
from command_line.files import lock_folder, writing
from command_line.flags import Flags
from config import PRESETS
from demo.garments import ATTRIBUTES, draw, labels, random_garment

IMAGES = 8000  # drawn, none of them in the demo data; held-out combinations left out
EPOCHS = 10
BATCH = 64
PEAK_LEARNING_RATE = 5e-3


def draw_labelled(index, seed, size):
    """Picture index of the classification set -> (uint8 [size, size, 3], labels)."""
    rng = np.random.default_rng([seed, index])
    kinds = ATTRIBUTES["kind"]
    garment = random_garment(rng, kinds[index % len(kinds)])
    return np.asarray(draw(garment, rng, size)), labels(garment)


def draw_set(seed, size):
    # Fresh processes: copies of this one would keep its lock after its death.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
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
    # A classifier a level: VAL uses all three, and with one at the end the net learns slower.
    heads = {
        (level, attribute): keras.layers.Dense(len(values), name=f"{name}_{level}")(
            keras.layers.GlobalAveragePooling2D()(output)
        )
        for level, output in enumerate(backbone.outputs)
        for attribute, (name, values) in enumerate(ATTRIBUTES.items())
    }
    model = keras.Model(backbone.inputs, list(heads.values()))
    rate = keras.optimizers.schedules.CosineDecay(
        PEAK_LEARNING_RATE, EPOCHS * (len(images) // BATCH)
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    model.compile(keras.optimizers.Adam(rate), loss=[loss] * len(heads))

    def example(image, classes):
        image = tf.image.random_flip_left_right(image, seed=seed)
        return tf.cast(image, tf.float32) / 127.5 - 1, tuple(classes[a] for _, a in heads)

    data = tf.data.Dataset.from_tensor_slices((images, classes)).shuffle(len(images), seed)
    data = data.map(example).batch(BATCH, drop_remainder=True).prefetch(2)
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: print(
            f"epoch {epoch + 1}/{EPOCHS}: loss {logs['loss']:.3f}", flush=True
        )
    )
    model.fit(data, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[report])
    return backbone


def save_slim_checkpoint(prefix, arrays):
    """Writes {name: array} as a TensorFlow checkpoint with plain variable names, like slim's."""
    import tensorflow as tf

    Path(prefix).parent.mkdir(parents=True, exist_ok=True)
    names = sorted(arrays)
    tensors = [arrays[name] for name in names]
    with writing(prefix):
        tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=names, tensors=tensors,
                          shape_and_slices=[""] * len(names))  # fmt: skip


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--checkpoint", required=True, help="prefix of the checkpoint to write")
    parser.add_argument("--seed", type=int, default=1)
    flags = parser.parse_args(argv)
    with lock_folder(Path(flags.checkpoint).parent):
        images, classes = draw_set(flags.seed, PRESETS["demo"]["image_size"])
        backbone = pretrain(images, classes, flags.seed)

        from checkpointing.published_names import named_variables

        arrays = {name: variable.numpy() for name, variable in named_variables(backbone).items()}
        save_slim_checkpoint(flags.checkpoint, arrays)
    print(f"pretrained: {flags.checkpoint}")


if __name__ == "__main__":
    run_main(main)
