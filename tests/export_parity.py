"""Exports beside extraction, from picture files on: largest |exported - extracted| / |extracted|.

    python -m tests.export_parity [ROW ...]     # val+lstm+mobilenet_v1_025, ...; without: all rows

Every composition that has one query vector, every text encoder, both image encoders; as ONNX and
as SavedModel; in batches of 7 and of 1, captions of 1 to 64 words. Ends with 1 where a row is over
LIMIT. A quarter of an hour on 2 busy cores; the tests take small ones.
"""

import logging
import sys
import tempfile
from pathlib import Path

import numpy as np

from checkpointing.run import load_trained_model
from datasets.image_files import decode_picture
from datasets.pictures import resize
from datasets.vocabulary import pad
from evaluation.encoder import Encoder
from export.encoders import Encoders, largest_difference
from export.model_files import WRITERS
from nets.compositions import COMPOSITIONS
from tests.support.small_catalogue import write_picture
from tests.support.small_run import write_run

ONE_VECTOR = [name for name, composition in COMPOSITIONS.items() if not composition.pairwise]
SMALL, LARGE = "mobilenet_v1_025", "resnet_v2_50"
ROWS = [
    *((composition, "lstm", SMALL) for composition in ONE_VECTOR),
    *(("val", text_model, SMALL) for text_model in ("gru", "bi_lstm", "bi_gru")),
    ("val", "lstm", LARGE),
]
LIMIT = 1e-5
# CoSMo's softmaxes multiply rounding where kernels are as wide as recipe B draws them: the model
# itself then differs by 1.4e-5 in batches of 7 and of 1. Training starts a third as wide.
COSMO_KERNELS = 1 / 3
WORDS = (1, 64, 5, 9, 2, 33, 64)  # of the captions


def extracted(model, config, folder, words):
    """-> picture files, captions as tokens, extraction's query and gallery features of them."""
    paths = [write_picture(folder / f"{n}.png", n, (60 + n, 90 - n)) for n in range(len(WORDS))]
    rng = np.random.default_rng(0)
    captions = [rng.integers(1, words, count).tolist() for count in WORDS]
    encoder = Encoder(model, config, 32, progress=False)
    return paths, captions, *encoder.features(paths, captions, paths)


def compare(run, config, paths, captions, queries, gallery):
    """Largest relative difference of an export's features, in one batch and one by one.

    run: function (encoder, inputs) -> features."""
    grid = config.image_size, config.as_published
    images = np.stack([resize(decode_picture(path.read_bytes()), *grid) for path in paths])
    largest = 0.0
    for rows in [slice(0, len(WORDS)), *(slice(n, n + 1) for n in range(len(WORDS)))]:
        tokens, lengths = pad(captions[rows])
        asked = {"images": images[rows], "tokens": tokens, "lengths": lengths}
        largest = max(
            largest,
            largest_difference(run("query", asked), queries[rows]),
            largest_difference(run("gallery", {"images": images[rows]}), gallery[rows]),
        )
    return largest


def measure(row, folder):
    """{kind: largest relative difference} of a run with drawn weights, made in folder."""
    composition, text_model, image_model = row
    which = dict(composition=composition, text_model=text_model, image_model=image_model)
    write_run(folder / "run", **which)
    model, config, vocabulary, _ = load_trained_model(folder / "run")
    if composition == "cosmo":
        for kernel in (v for net in model.composers for v in net.variables if v.name == "kernel"):
            kernel.assign(COSMO_KERNELS * kernel)
    encoders = Encoders(model, config.image_size)
    asked = extracted(model, config, folder, len(vocabulary))
    runs = {kind: write(encoders, folder) for kind, write in WRITERS.items()}
    return {kind: compare(run, config, *asked) for kind, run in runs.items()}


def main(names):
    logging.getLogger("tensorflow").setLevel("ERROR")  # of tracing anew: the models are many
    over = 0
    for row in ROWS:
        if not names or "+".join(row) in names:
            with tempfile.TemporaryDirectory() as folder:
                found = measure(row, Path(folder))
            over += not max(found.values()) <= LIMIT
            shown = "  ".join(f"{kind} {difference:.1e}" for kind, difference in found.items())
            print(f"{'+'.join(row):<36}{shown}", flush=True)
    return over > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
