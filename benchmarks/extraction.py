"""How fast features are extracted, from JPEG files on; about three minutes on 2 quiet cores.

  python -m benchmarks.extraction [--image_model=mobilenet_v1] [--images=128] [--batch_size=32]

Compares evaluation.encoder.Encoder with one image at a time through the same weights, and with
the published code's best times on a machine whose NumPy multiplied float32 matrices at 205
GFLOP/s, scaled by that rate here (a cross-check: see benchmarks/machine.py). Asked are a gallery,
queries with a reference each, and both as FashionIQ has them: 1.4 queries a gallery image, about
half of the images being references. Photographs are drawn; networks have their real sizes. The last
lines are name=value; those without a network's name are of the data set of the network furthest
behind.
"""

import tempfile
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from benchmarks.machine import PRESET_OF, PUBLISHED_GFLOPS, clock, draw_photographs, matrix_gflops
from command_line.errors import run_main
from command_line.flags import Flags
from config import PRESETS, make_config, model_settings
from datasets.images import image_batches, load
from evaluation.encoder import Encoder
from model import VAL

# Images/s of the published code, one at a time, on TensorFlow 2.15 with oneDNN, 2 cores.
PUBLISHED = {
    "mobilenet_v1": {"queries": 31.2, "gallery": 73.5},
    "resnet_v2_50": {"queries": 9.6, "gallery": 15.3},
}
VOCABULARY_SIZE = 5000


class Measured(NamedTuple):
    """One way to ask one network. A feature is a query's or an image's; /s is per second."""

    features_per_s: float
    cpu_ms: float  # per feature, of all threads: what busy neighbours change least
    one_at_a_time: float  # features/s
    difference: float  # largest, of a feature against one at a time
    gflops: float  # NumPy's rate just before and after
    ratio_to_published: float


def settings(image_model):
    """Of the network's preset; the batch normalisation keeps what it saw last."""
    preset = {**PRESETS[PRESET_OF[image_model]], "batch_norm_decay": 0.0}
    return make_config(**{**preset, "image_model": image_model})


def calibrated_model(config, paths, captions):
    """Untrained weights under batch statistics, or the features of the upper levels vanish."""
    keras.utils.set_random_seed(0)
    model = VAL(VOCABULARY_SIZE, **model_settings(config))
    images = next(iter(image_batches(paths[:8], config.image_size, 8, False)))
    tokens = np.stack([caption[:4] for caption in captions[: len(images)]])
    model.query_levels(images, tokens, np.full(len(tokens), 4, np.int32), training=True)
    return model


class OneAtATime:
    """The way of the published code: an image a call, decoded when its turn comes, and again for
    each of its captions."""

    def __init__(self, model, config):
        size = config.image_size
        single = tf.TensorSpec((), tf.string)

        @tf.function(input_signature=[single])
        def image_features(path):
            return model.gallery_features(load(path, size, False)[None])

        @tf.function(input_signature=[single, tf.TensorSpec((1, None), tf.int32)])
        def query_features(path, tokens):
            image = load(path, size, False)[None]
            return model.query_features(image, tokens, tf.shape(tokens)[1:])

        self._image, self._query = image_features, query_features

    def features(self, references, captions, gallery):
        pairs = zip(references, captions, strict=True)
        queries = [self._query(str(path), caption[None]).numpy() for path, caption in pairs]
        return queries, [self._image(str(path)).numpy() for path in gallery]


def measure(encoder, single, asked, published, batch_size, share):
    """asked: (references, captions, gallery); share: of it that is asked one at a time."""
    some = [values[: round(share * len(values))] for values in asked]
    encoder.features(*(values[: 2 * batch_size] for values in asked))
    single.features(*(values[:2] for values in asked))
    before = matrix_gflops()
    wall, cpu, ours = clock(encoder.features, *asked)
    gflops = (before + matrix_gflops()) / 2
    slow_wall, _, theirs = clock(single.features, *some)
    queries, gallery = map(len, ours)
    published_wall = queries / published["queries"] + gallery / published["gallery"]
    return Measured(
        features_per_s=(queries + gallery) / wall,
        cpu_ms=1000 * cpu / (queries + gallery),
        one_at_a_time=sum(map(len, theirs)) / slow_wall,
        difference=max(
            float(np.abs(row - expected).max())
            for side, expected_side in zip(ours, theirs, strict=True)
            for row, expected in zip(side, expected_side, strict=False)
        ),
        gflops=gflops,
        ratio_to_published=published_wall * PUBLISHED_GFLOPS / gflops / wall,
    )


def measure_network(config, paths, batch_size, share):
    """-> (what was asked, Measured) of the gallery, of queries, and of both as a data set."""
    rng = np.random.default_rng(0)
    queries = round(1.4 * len(paths))  # FashionIQ: 1.4 a gallery image, half of which are asked
    captions = [
        rng.integers(2, VOCABULARY_SIZE, rng.integers(4, 13)).astype(np.int32)
        for _ in range(queries)
    ]
    model = calibrated_model(config, paths, captions)
    encoder, single = Encoder(model, config, batch_size, False), OneAtATime(model, config)
    for name, asked in {
        "gallery": ([], [], paths),
        "queries": (paths, captions[: len(paths)], []),
        "data_set": ((3 * paths[: -(-len(paths) // 2)])[:queries], captions, paths),
    }.items():
        published = PUBLISHED[config.image_model]
        yield name, measure(encoder, single, asked, published, batch_size, share)


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--image_model", choices=sorted(PUBLISHED), help="default: both")
    parser.add_argument("--images", type=int, default=128, help="files drawn")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--share", type=float, default=0.25, help="of it asked one at a time")
    flags = parser.parse_args(argv)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = draw_photographs(folder, flags.images)
        size = np.mean([path.stat().st_size for path in paths])
        print(f"{len(paths)} JPEG files of {size / 1000:.0f} KB, batch {flags.batch_size}")
        print(
            f"{'features/s':<24}{'ours':>8}{'CPU ms':>8}{'one by one':>12}{'ratio':>7}"
            f"{'difference':>12}{'GFLOP/s':>9}{'to published':>14}"
        )
        for network in [flags.image_model] if flags.image_model else sorted(PUBLISHED):
            config = settings(network)
            for asked, row in measure_network(config, paths, flags.batch_size, flags.share):
                name = f"{network}_{asked}"
                rows[name] = row
                print(
                    f"{name:<24}{row.features_per_s:>8.1f}{row.cpu_ms:>8.1f}"
                    f"{row.one_at_a_time:>12.1f}{row.features_per_s / row.one_at_a_time:>7.2f}"
                    f"{row.difference:>12.1e}{row.gflops:>9.0f}{row.ratio_to_published:>14.2f}",
                    flush=True,
                )
    whole = [row for name, row in rows.items() if name.endswith("data_set")]
    last = min(whole, key=lambda row: row.ratio_to_published)
    for prefix, row in [*((f"{name}_", row) for name, row in rows.items()), ("", last)]:
        print(f"{prefix}images_per_s={row.features_per_s:.3f}")
        print(f"{prefix}ratio_to_one_at_a_time={row.features_per_s / row.one_at_a_time:.3f}")
        print(f"{prefix}ratio_to_published={row.ratio_to_published:.3f}")
    print(f"matmul_gflops={np.mean([row.gflops for row in rows.values()]):.1f}")
    print(f"largest_difference={max(row.difference for row in rows.values()):.1e}")


if __name__ == "__main__":
    run_main(main)
