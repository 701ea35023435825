"""Triplets and side texts of a data set -> examples ready to load, and their vocabulary."""

import datasets
from command_line.errors import InputError
from datasets.find_images import require_images
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
            t.label,
            t.reference_label,
        )
        for t in triplets
        if (t.subset, t.reference) in paths and (t.subset, t.target) in paths
    ]
    if len(examples) < len(triplets):
        print(f"training on {len(examples)} of {len(triplets)} triplets: images are missing")
    return examples


def examples_by_epoch(config, training_set, vocabulary):
    """Function of an epoch -> its Examples: those given, and those drawn of the images there."""
    given, labelled, sampler, *_ = training_set
    paths = training_paths(config, [*given, *(image.pair for image in labelled)])
    sample = sampler([image for image in labelled if (image.subset, image.name) in paths])
    of_all_epochs = training_examples(config, given, vocabulary, paths)

    def examples_of_epoch(epoch):
        drawn = sample(config.seed, epoch)
        return of_all_epochs + training_examples(config, drawn, vocabulary, paths)

    return examples_of_epoch


def side_text_examples(config, vocabulary):
    """Stage 1 of L_vs: images with texts of their own (paper section 3.3)."""
    reader = datasets.READERS[config.dataset]
    texts = [image.pair for image in reader.read_side_texts(config.data_path)]
    try:
        paths = training_paths(config, texts)
    except InputError as error:
        raise InputError(f"texts of stage 1 (L_vs): {error}{reader.SIDE_TEXT_IMAGES}") from None
    return training_examples(config, texts, vocabulary, paths)


def build_vocabulary(config, captions):
    """Words of the captions; with L_vs also those of the side texts, for both stages."""
    if config.checkpoint_dir_stage1 or config.stage == "visual_semantic":
        texts = datasets.READERS[config.dataset].read_side_texts(config.data_path)
        captions = [*captions, *(image.caption for image in texts)]
    return Vocabulary.build(captions)
