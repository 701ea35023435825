"""onnxruntime beside TensorFlow on the same weights; about five minutes on 2 quiet cores.

  python -m benchmarks.exported [--image_model=mobilenet_v1] [--turns=5] [--photographs=32]

The network has its real size, with drawn weights; it is exported first. In alternating turns, from
arrays in memory: images/s of the gallery's tower, 32 at a time, and queries/s, 32 and 1 at a time,
captions of 8 words; then photographs/s decoded and resized, in one thread. Medians over the turns
of wall and of CPU seconds, which busy neighbours change less. The last lines are name=value.
"""

import statistics
import tempfile
from pathlib import Path

import keras
import numpy as np

from benchmarks.extraction import VOCABULARY_SIZE, calibrated_model, settings
from benchmarks.machine import PRESET_OF, clock, draw_photographs
from catalogue.exported import run, session
from command_line.errors import run_main
from command_line.flags import Flags
from datasets.images import decode_pixels
from datasets.images import resize as tensorflows_resize
from export.model_files import write_onnx
from export.pictures import read_pixels, resize
from export.towers import Towers, largest_difference

BATCH = 32
WORDS = 8
LEAST = 0.5  # seconds of one turn


def inputs(size, batch):
    rng = np.random.default_rng(0)
    return {
        "images": rng.uniform(-1, 1, (batch, size, size, 3)).astype(np.float32),
        "tokens": rng.integers(2, VOCABULARY_SIZE, (batch, WORDS)).astype(np.int32),
        "lengths": np.full(batch, WORDS, np.int32),
    }


def exported_pair(config, paths):
    """{tower: (TensorFlow's function of inputs, onnxruntime's)} of a model with drawn weights."""
    keras.utils.set_random_seed(0)
    captions = [np.arange(2, 2 + WORDS, dtype=np.int32)] * 8
    towers = Towers(calibrated_model(config, paths, captions), config.image_size)
    with tempfile.TemporaryDirectory() as folder:
        write_onnx(towers, folder)
        sessions = {
            tower: session(Path(folder, f"{tower}.onnx").read_bytes())
            for tower in ("query", "gallery")
        }
    return {
        tower: (
            lambda given, tower=tower: getattr(towers, tower)(**given)["features"].numpy(),
            lambda given, tower=tower: run(sessions[tower], **given),
        )
        for tower in sessions
    }


def measure(functions, given, items, turns):
    """Alternating turns of the functions on `given` -> for each (items/s, CPU ms an item)."""
    rounds = []
    for function in functions:  # warm, and how many calls make a turn
        function(given)
        rounds.append(max(1, round(LEAST / clock(function, given)[0])))
    times = [[] for _ in functions]
    for _ in range(turns):
        for function, count, own in zip(functions, rounds, times, strict=True):
            wall, cpu, _ = clock(lambda f=function, n=count: [f(given) for _ in range(n)])
            own.append((wall / count / items, cpu / count / items))
    medians = [[statistics.median(column) for column in zip(*own, strict=True)] for own in times]
    return [(1 / wall, 1000 * cpu) for wall, cpu in medians]


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--image_model", choices=sorted(PRESET_OF), default="mobilenet_v1")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--photographs", type=int, default=32, help="drawn")
    flags = parser.parse_args(argv)
    config = settings(flags.image_model)
    size, rows = config.image_size, {}
    with tempfile.TemporaryDirectory() as folder:
        paths = draw_photographs(folder, max(8, flags.photographs))
        pairs = exported_pair(config, paths)
        contents = [path.read_bytes() for path in paths]
    many, one = inputs(size, BATCH), inputs(size, 1)
    images = {"images": many["images"]}
    decoding = (
        lambda content: tensorflows_resize(decode_pixels(content), (size, size), False).numpy(),
        lambda content: resize(read_pixels(content), size),
    )
    for name, functions, given, items in (
        ("images", pairs["gallery"], images, BATCH),
        ("queries", pairs["query"], many, BATCH),
        ("single_queries", pairs["query"], one, 1),
        ("photographs", [lambda all_, f=f: [f(c) for c in all_] for f in decoding], contents,
         len(contents)),
    ):  # fmt: skip
        rows[name] = measure(functions, given, items, flags.turns)
        (theirs, their_cpu), (ours, our_cpu) = rows[name]
        print(
            f"{name:<16} TensorFlow {theirs:8.1f}/s {their_cpu:7.2f} CPU ms   "
            f"without {ours:8.1f}/s {our_cpu:7.2f} CPU ms", flush=True,
        )  # fmt: skip
    difference = max(
        largest_difference(*(function(given) for function in pairs[tower]))
        for tower, given in (("gallery", images), ("query", many))
    )
    for name, ((theirs, their_cpu), (ours, our_cpu)) in rows.items():
        print(f"{name}_per_s={ours:.3f}\n{name}_per_s_tensorflow={theirs:.3f}")
        print(f"{name}_cpu_ratio={their_cpu / our_cpu:.3f}")
    print(f"largest_difference={difference:.1e}")


if __name__ == "__main__":
    run_main(main)
