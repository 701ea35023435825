"""Triplets and side texts of a data set -> examples ready to load, and their vocabulary."""

import datasets
from command_line.errors import InputError
from datasets.find_images import require_images
from datasets.records import Triplet
from datasets.side_texts import read_side_texts
from datasets.vocabulary import Vocabulary
from training.batches import Example


def training_paths(config, triplets):
    """Files of the triplets' images, {(subset, name): path}; see require_images."""
    paths = {}
    for subset in datasets.subsets(config.dataset):
        names = [n for t in triplets if t.subset == subset for n in (t.reference, t.target)]
        for name, path in require_images(config, subset, names).items():
            paths[subset, name] = str(path)
    return paths


def training_examples(config, triplets, vocabulary, paths):
    """Triplets as Examples; those whose images are missing are left out, and counted."""
    examples = [
        Example(
            paths[t.subset, t.reference],
            paths[t.subset, t.target],
            vocabulary.encode(t.caption, config.max_caption_words),
        )
        for t in triplets
        if (t.subset, t.reference) in paths and (t.subset, t.target) in paths
    ]
    if len(examples) < len(triplets):
        print(f"training on {len(examples)} of {len(triplets)} triplets: images are missing")
    return examples


def side_text_examples(config, vocabulary):
    """Stage 1 of L_vs: images with texts of their own (paper section 3.3)."""
    texts = [
        Triplet(text.name, text.name, text.text, text.subset)
        for text in read_side_texts(config.dataset, config.data_path)
    ]
    try:
        paths = training_paths(config, texts)
    except InputError as error:
        more = "; download_fashion_iq.py --all fetches them" * (config.dataset == "fashion_iq")
        raise InputError(f"texts of stage 1 (L_vs): {error}{more}") from None
    return training_examples(config, texts, vocabulary, paths)


def build_vocabulary(config, captions):
    """Words of the captions; with L_vs also those of the side texts, for both stages."""
    if config.checkpoint_dir_stage1 or config.stage == "visual_semantic":
        texts = read_side_texts(config.dataset, config.data_path)
        captions = [*captions, *(text.text for text in texts)]
    return Vocabulary.build(captions)
