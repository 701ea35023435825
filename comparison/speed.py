"""Size and speed of trained runs, measured one after the other in one process.

    python -m comparison.speed --checkpoint_dirs=RUN,RUN,...

Of each run, into its speed.json: trained parameters, of the composers and of all; seconds an update
(median of UPDATES, on one batch of its data, the loading of images left out); queries/s of
extraction (median of PASSES over QUERIES queries, loading included). Runs that have the file are
left out.
"""

import os
import platform
import statistics
from pathlib import Path

import tensorflow as tf

import datasets
from checkpointing.published_names import named_variables
from checkpointing.run import load_trained_model
from command_line.errors import run_main
from command_line.files import write_json
from command_line.flags import Flags
from comparison.runs import SPEED_FILE
from config import load_config
from evaluation.encoder import Encoder, encode_captions
from training.examples import training_examples, training_paths
from training.memory import keep_freed_memory
from training.start import trained_weights
from training.timing import clock, single_update
from training.update import Training

UPDATES, QUERIES, PASSES = 15, 256, 3


def measure(checkpoint_dir):
    """-> {"composer_parameters", "parameters", "seconds_an_update", "queries_a_second"}"""
    precision = load_config(checkpoint_dir).precision
    model, config, vocabulary, _ = load_trained_model(checkpoint_dir, precision=precision)
    composers = {v.path for composer in model.composers for v in composer.trainable_variables}
    sizes = {v.path: v.shape.num_elements() for v in named_variables(model).values() if v.trainable}
    data = datasets.READERS[config.dataset].read_training(config.data_path)
    drawn = data.sampler(data.labelled)(0, 0)
    triplets = [*data.given, *drawn][: max(QUERIES, config.batch_size)]
    paths = training_paths(config, triplets)
    triplets = [t for t in triplets if {(t.subset, n) for n in t[:2]} <= set(paths)]
    encoder = Encoder(model, config, config.batch_size, progress=False)
    captions = encode_captions(config, vocabulary, [t.caption for t in triplets])
    references = [paths[t.subset, t.reference] for t in triplets]
    encoder.queries(references, captions)  # builds the graphs
    passes = [clock(encoder.queries, references, captions)[0] for _ in range(PASSES)]
    examples = training_examples(config, triplets, vocabulary, paths)
    training = Training(config, model, trained_weights(model))
    update, _ = single_update(training, config, examples, load=False)
    update()  # builds the graph
    updates = [clock(update)[0] for _ in range(UPDATES)]
    return {
        "composer_parameters": sum(size for path, size in sizes.items() if path in composers),
        "parameters": sum(sizes.values()),
        "seconds_an_update": round(statistics.median(updates), 4),
        "queries_a_second": round(len(references) / statistics.median(passes), 1),
    }


def machine():
    """What the seconds depend on, as a line."""
    lines = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":")[1].strip() for line in lines.splitlines() if "model name" in line]
    devices = [gpu.name for gpu in tf.config.list_physical_devices("GPU")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return ", ".join([f"{os.cpu_count()} cores, {processor}", *devices])


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--checkpoint_dirs", required=True, help="trained runs, comma between")
    flags = parser.parse_args(argv)
    keep_freed_memory()
    for folder in flags.checkpoint_dirs.split(","):
        output = Path(folder, SPEED_FILE)
        if not output.exists():
            measured = {**measure(folder), "machine": machine()}
            write_json(output, measured)
            print(f"{folder}: {measured}", flush=True)


if __name__ == "__main__":
    run_main(main)
