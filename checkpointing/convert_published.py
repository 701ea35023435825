"""A checkpoint of the published TensorFlow 1 code -> a run that extract_features_val.py takes.

    python -m checkpointing.convert_published --published_checkpoint=.../model.ckpt-50000 \\
        --vocabulary=words.txt --preset=fashion_iq --checkpoint_dir=save_model/converted \\
        [--raw=True] [--<setting>=...]

The settings are train_val.py's and must be those of the published run; --as_published=True is
implied. words.txt is the published run's word list in the order of ids, UTF-8, one word a line.
Writes <checkpoint_dir>/{config.json, vocab.txt, converted.json, model.ckpt-<step>.*}, with the
published averages, or with --raw=True the weights in their place. There is no optimizer state in
it: it is for extraction, and training does not go on from it.
"""

import re
from pathlib import Path

import numpy as np
import tensorflow as tf

from checkpointing.published_names import (
    AVERAGE,
    assign_variables,
    checkpoint_prefix,
    named_variables,
    read_checkpoint,
    split_averages,
)
from checkpointing.run import CONVERTED_FILE, Saver, prepare_run
from command_line.errors import InputError, run_main
from command_line.files import lock_folder, write_json
from command_line.flags import Flags, boolean
from config import model_settings, parse_config
from datasets.released_files import read_lines
from datasets.vocabulary import PADDING, UNKNOWN, Vocabulary, check_words, tokenize
from model import VAL

EMBEDDING = "RNN/token_embedding_weights"
# The list's own word for unknown ones, as far as it has one; published vocabulary.py: "<UNK>".
OWN_UNKNOWN = ("<UNK>", "<unk>", "UNK", "unk")


def read_words(path):
    """The published run's words by id. Raises InputError naming the line."""
    words = check_words(read_lines(path), path)
    if not words:
        raise InputError(f"{path}: holds no words")
    return words


def own_unknown(words):
    """The list's word for unknown words, or "" when it has none."""
    return next((word for word in OWN_UNKNOWN if word in words), "")


def convert_vocabulary(words):
    """Words by published id -> Vocabulary: padding and unknown, then the others in their order."""
    return Vocabulary([PADDING, UNKNOWN, *(w for w in words if w not in (PADDING, UNKNOWN))])


def convert_embedding(embedding, words):
    """Rows [words, D] by published id -> rows by the ids of convert_vocabulary(words).

    Padding is zero. Unknown words get the row of the list's own word for them, or zeros."""
    zeros, own = np.zeros_like(embedding[:1]), own_unknown(words)
    unknown = embedding[words.index(own)][None] if own else zeros
    others = [row for row, word in enumerate(words) if word not in (PADDING, UNKNOWN)]
    return np.concatenate([zeros, unknown, embedding[others]])


def convert_arrays(arrays, words, where, vocabulary_path):
    """All arrays of a published checkpoint -> (weights, averages), each {published name: array},
    with embeddings as our vocabulary numbers the words.

    Raises InputError with both sizes when the word list does not fit the embedding."""
    arrays = dict(arrays)
    for name in (EMBEDDING, EMBEDDING + AVERAGE):
        if name not in arrays:
            continue  # assign_variables names it
        if arrays[name].shape[:1] != (len(words),):
            raise InputError(
                f"{vocabulary_path}: {len(words)} words, but {name} of {where} is "
                f"{arrays[name].shape}: the list must be that of the published run"
            )
        arrays[name] = convert_embedding(arrays[name], words)
    return split_averages(arrays)


def assign_published(variables, weights, averages, where, raw):
    """Assigns the weights to the model's variables -> {name: value to extract with}.

    Weights and averages must each be whole: one of them is no substitute for the other. raw: the
    weights stand in for the averages. Raises InputError as assign_variables does."""
    trained = {name: variable for name, variable in variables.items() if variable.trainable}
    if not averages and not raw:
        raise InputError(f"{where}: holds no averages ({AVERAGE[1:]}); give --raw=True")
    extracted = {}
    if averages:
        assign_variables(trained, averages, f"{where}, averages")
        extracted = {name: variable.numpy() for name, variable in trained.items()}
    assign_variables(variables, weights, where)
    return {name: variable.numpy() for name, variable in trained.items()} if raw else extracted


def published_step(prefix, arrays):
    """The step of a checkpoint, by its name or its counter."""
    named = re.search(r"-(\d+)$", prefix.name)
    if named:
        return int(named[1])
    if np.shape(arrays.get("global_step", [])) == ():
        return int(arrays["global_step"])
    raise InputError(f"{prefix}: neither named model.ckpt-<step> nor with a global_step in it")


def save_run(config, vocabulary, variables, extracted, step, source):
    """Writes the run, the checkpoint last. source: what converted.json says it comes from."""
    weights = {name: variable.value for name, variable in variables.items()}
    averages = {name: tf.Variable(value) for name, value in extracted.items()}
    checkpoint = tf.train.Checkpoint(weights=weights, averages=averages)
    with lock_folder(config.checkpoint_dir):
        prepare_run(config, vocabulary)
        write_json(Path(config.checkpoint_dir, CONVERTED_FILE), source)
        return Saver(checkpoint, config.checkpoint_dir, keep=1).save(step)


def report_words(words, path):
    """What becomes of the words."""
    never = [word for word in words if tokenize(word) != [word]]
    first = f" (first: {', '.join(never[:5])})" if never else ""
    print(f"{path}: {len(words)} words, {len(never)} of them no caption is split into{first}")
    own = own_unknown(words)
    print(f"unknown words get {f'the embedding of {own}' if own else 'an embedding of zeros'}")


def main(argv):
    parser = Flags(__doc__)
    parser.add_argument("--published_checkpoint", required=True, help=".../model.ckpt-<step>")
    parser.add_argument("--vocabulary", required=True, help="words by id, one a line")
    parser.add_argument("--raw", type=boolean, default=False, help="weights, not their averages")
    flags, settings = parser.parse_known_args(argv)
    # Extraction has to resize on the published grid; ImageNet's weights are in the checkpoint.
    config = parse_config([*settings, "--as_published=True", "--pretrain_checkpoint_dir="], __doc__)
    folder = Path(config.checkpoint_dir)  # may not hold a run, or the published checkpoint
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--checkpoint_dir={folder}: not an empty folder; give another", 2)
    words = read_words(flags.vocabulary)
    prefix = checkpoint_prefix(flags.published_checkpoint)
    arrays = read_checkpoint(prefix)
    step = published_step(prefix, arrays)
    weights, averages = convert_arrays(arrays, words, prefix, flags.vocabulary)
    vocabulary = convert_vocabulary(words)
    variables = named_variables(VAL(len(vocabulary), **model_settings(config)))
    extracted = assign_published(variables, weights, averages, prefix, flags.raw)
    report_words(words, flags.vocabulary)
    values = "weights" if flags.raw else "averages"
    source = {"published_checkpoint": str(prefix), "values": values}
    path = save_run(config, vocabulary, variables, extracted, step, source)
    print(f"converted {values} of {prefix}: {path}")


if __name__ == "__main__":
    run_main(main)
