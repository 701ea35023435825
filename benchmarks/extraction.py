"""How fast features are extracted, from JPEG files on; about three minutes on 2 quiet cores.

  python -m benchmarks.extraction [--image_model=mobilenet_v1] [--images=128] [--batch_size=32]

Three ways through the same weights: extraction's, all in batches; the catalogue's, images in
batches and queries one by one; and the catalogue's of an export of the run, by onnxruntime. Asked
are a gallery, queries with a reference each, and both as FashionIQ has them: 1.4 queries a gallery
image, about half of the images being references. Photographs are drawn; networks have their real
sizes. Printed are features a second; CPU ms of all threads, for a feature, which busy neighbours
change least; the largest difference from extraction's. Nothing is of an export without ONNX's
packages.
"""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.machine import PRESET_OF, draw_photographs, settings
from catalogue.identity import digest
from catalogue.opening import open_source
from checkpointing.run import Saver, prepare_run
from command_line.errors import run_main
from command_line.flags import Flags
from datasets.image_files import MOST_MEGAPIXELS
from datasets.images import image_batches
from datasets.vocabulary import Vocabulary
from evaluation.encoder import Encoder, encode_captions
from training.start import initial_model
from training.timing import clock
from training.update import Training

WORDS = 5000  # of the vocabulary


def write_run(config, vocabulary, paths):
    """A run of one checkpoint -> its model: untrained weights, under the statistics of some images,
    without which the features of the upper levels vanish."""
    prepare_run(config, vocabulary)
    training = Training(config, *initial_model(config, vocabulary))
    images = next(iter(image_batches(paths[:8], config.image_size, 8, False)))
    tokens = np.random.default_rng(0).integers(2, len(vocabulary), (len(images), 4), np.int32)
    training.model.query_levels(images, tokens, np.full(len(images), 4, np.int32), training=True)
    Saver(training.checkpoint, config.checkpoint_dir, 1).save(1)
    return training.model


def for_catalogue(encoding):
    """The way of a catalogue.encoding.Encoding, or of what stands in its place -> function
    (references, captions, gallery) -> features of queries, of images."""

    def features(references, captions, gallery):
        asked = zip(references, captions, strict=True)
        queries = [encoding.query(path.read_bytes(), text) for path, text in asked]
        if not gallery:
            return queries, []
        shas = [digest(path) for path in gallery]
        return queries, encoding.files([str(path) for path in gallery], shas, lambda done: None)[0]

    return features


def measure_network(config, paths, batch_size):
    """Yields (name, value)."""
    vocabulary = Vocabulary.build(f"word{i}" for i in range(WORDS))
    model, rng = write_run(config, vocabulary, paths), np.random.default_rng(0)
    queries = round(1.4 * len(paths))
    drawn = [rng.integers(0, WORDS, rng.integers(4, 13)) for _ in range(queries)]
    captions = [" ".join(f"word{i}" for i in words) for words in drawn]
    encoder, run = Encoder(model, config, batch_size, progress=False), config.checkpoint_dir
    ways = {
        "extraction": lambda references, captions, gallery: encoder.features(
            references, encode_captions(config, vocabulary, captions), gallery
        ),
        "catalogue": for_catalogue(open_source(run, "model.ckpt-1", MOST_MEGAPIXELS)),
    }
    if all(map(find_spec, ("tf2onnx", "onnxruntime"))):
        export, flags = f"{run}_exported", [f"--checkpoint_dir={run}", "--format=onnx"]
        command = [sys.executable, "export_model.py", *flags, f"--export_dir={export}"]
        subprocess.run(command, check=True, capture_output=True)
        ways["exported"] = for_catalogue(open_source("", export, MOST_MEGAPIXELS))
    for name, asked in {
        "gallery": ([], [], paths),
        "queries": (paths, captions[: len(paths)], []),
        "data_set": ((3 * paths[: -(-len(paths) // 2)])[:queries], captions, paths),
    }.items():
        expected = None
        for way, features in ways.items():
            features(*(side[:80] for side in asked))  # builds the graphs
            wall, cpu, found = clock(features, *asked)
            found = np.array([row for side in found for row in side])
            expected = found if expected is None else expected
            yield f"{name}_{way}_per_s", len(found) / wall
            yield f"{name}_{way}_cpu_ms", 1000 * cpu / len(found)
            yield f"{name}_{way}_difference", np.abs(found - expected).max()


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--image_model", choices=sorted(PRESET_OF), help="default: both")
    parser.add_argument("--images", type=int, default=128, help="files drawn")
    parser.add_argument("--batch_size", type=int, default=32, help="of extraction")
    flags = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        paths = draw_photographs(folder, flags.images)
        for network in [flags.image_model] if flags.image_model else sorted(PRESET_OF):
            run = str(Path(folder, network))
            config = settings(network, checkpoint_dir=run, batch_norm_decay=0.0)
            for name, value in measure_network(config, paths, flags.batch_size):
                print(f"{network}_{name}={value:.6g}", flush=True)


if __name__ == "__main__":
    run_main(main)
