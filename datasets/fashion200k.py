"""Fashion200k: images with product captions; its triplets are made of captions that differ in one
word, drawn each epoch (paper section 4.1, after TIRG; published train_val_fashion200k.py); its test
queries are listed. Unlike the published index ours takes out whole words only (not the "red" of
"embroidered"), and only words that occur once."""

import hashlib
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from command_line.errors import InputError
from datasets.pair_index import PairIndex
from datasets.records import Benchmark, LabelledImage, Query, TrainingSet, Triplet
from datasets.released_files import check_caption, check_name, read_lines
from datasets.tuning_split import SEED, SHARE

TITLE = "Fashion200k"
SOURCE = "labels and images: github.com/xthan/fashion-200k; test queries: TIRG"
PREPARE = "bash scripts/prepare_data.sh fashion200k"
TRAINING_SCRIPT = "train_val_fashion200k.py"
SIDE_TEXT_IMAGES = ""
SUBSETS = ("",)
PROTOCOLS = ("val",)
DECODER = "tensorflow"  # as published; of datasets/images.py's READ_PIXELS
read_values = read_table = None  # its images have none
ANNOTATIONS = ["labels", "test_queries.txt"]
IMAGE_FOLDERS = ("women", "dresses", "jackets", "pants", "skirts", "tops")
RELEASED = {  # counted in the released files
    "train images": (172_049,),
    "train captions": (53_099,),
    "val queries": (33_480,),
    "val gallery": (29_789,),
}


def read_training(data_path):
    """Triplets are drawn of the images whose captions differ in one word."""
    images = read_fashion200k(data_path, "train")
    sampler = lambda found: partial(sample_triplets, PairIndex(found, one_word_less))  # noqa: E731
    return TrainingSet(labelled=images, sampler=sampler, phrases=["replace with"])


def read_side_texts(data_path):
    """Training images with their captions."""
    return [image for image in read_fashion200k(data_path, "train") if image.caption]


def read_benchmark(data_path, subset, protocol):
    """Correct is every test image with the target's caption -> Benchmark."""
    caption_of, images_of = {}, {}
    for image in read_fashion200k(data_path, "test"):
        if image.name not in caption_of:  # an image listed twice keeps its first caption
            caption_of[image.name] = image.caption
            images_of.setdefault(image.caption, []).append(image.name)
    images_of = {caption: tuple(names) for caption, names in images_of.items()}
    path = Path(data_path, "test_queries.txt")
    queries = []
    for number, line in enumerate(read_lines(path), 1):
        place, columns = f"{path}:{number}", line.split()
        if len(columns) != 2:
            raise InputError(f"{place}: {len(columns)} columns instead of reference, target")
        reference, target = (_fashion200k_name(column, place) for column in columns)
        for name in (reference, target):
            if name not in caption_of:
                raise InputError(f"{place}: {name} is in no labels/*_test_detect_all.txt")
        text = modification(caption_of[reference], caption_of[target])
        queries.append(Query(reference, text, images_of[caption_of[target]]))
    return Benchmark(queries, sorted(caption_of))


def count_empty_captions(data_path, split):
    """Images of `train` or `val` with a blank caption."""
    images = read_fashion200k(data_path, "train" if split == "train" else "test")
    return sum(not image.caption for image in images)


def read_fashion200k(data_path, split):
    """Labelled images of `train` or `test`, label files in sorted order -> list[LabelledImage]."""
    files = sorted(Path(data_path, "labels").glob(f"*_{split}_detect_all.txt"))
    if not files:
        raise InputError(f"{Path(data_path, 'labels')}: no file *_{split}_detect_all.txt")
    images = []
    for path in files:
        for number, line in enumerate(read_lines(path), 1):
            place, columns = f"{path}:{number}", line.split("\t")
            if len(columns) != 3:
                raise InputError(f"{place}: {len(columns)} columns instead of path, score, caption")
            caption = check_caption(columns[2], place)
            images.append(LabelledImage(_fashion200k_name(columns[0], place), caption))
    return images


def modification(reference_caption, target_caption):
    """Fashion200k's text: `replace <a> with <b>`, each the first word the other caption lacks.

    Where a caption has no such word its last one is taken, as the published loop ends there.
    """
    ours, theirs = reference_caption.split(), target_caption.split()
    known, wanted = set(ours), set(theirs)  # lists would take the square of a long caption
    removed = next((word for word in ours if word not in wanted), ours[-1] if ours else "")
    added = next((word for word in theirs if word not in known), theirs[-1] if theirs else "")
    return f"replace {removed} with {added}"


def sample_triplets(index, seed, epoch):
    """One epoch, shuffled, the same for the same (seed, epoch) -> list[Triplet].

    Each image that has partners is the reference once; its word, the partner caption and an image
    with that caption are drawn evenly. A pair drawn before, in either direction, is left out.
    """
    random = np.random.default_rng([seed, epoch])
    reference, target, removed, added = index.draw(random)
    pair = np.minimum(reference, target) * len(index.names) + np.maximum(reference, target)
    kept = np.sort(np.unique(pair, return_index=True)[1])
    rows = (row[kept] for row in (reference, target, removed, added))
    return [
        Triplet(index.names[i], index.names[j], f"replace {index.words[a]} with {index.words[b]}")
        for i, j, a, b in zip(*rows, strict=True)
    ]


def one_word_less(caption):
    """Every (stem, word): the caption without one word, for the words that occur once in it.

    A stem is a digest of its words: as text, the stems of a long caption would take the square of
    its letters."""
    words = caption.split()
    counts = Counter(words)
    stems = (" ".join(words[:i] + words[i + 1 :]).encode() for i in range(len(words)))
    return [
        (hashlib.blake2b(stem, digest_size=16).digest(), word)
        for stem, word in zip(stems, words, strict=True)
        if counts[word] == 1
    ]


def tuning_root(data_path):
    """Images are divided by their captions."""
    images = read_fashion200k(data_path, "train")
    captions = sorted({image.caption for image in images})
    drawn = np.random.default_rng(SEED).permutation(len(captions))[: round(SHARE * len(captions))]
    taken = {captions[i] for i in drawn}
    train = [image for image in images if image.caption not in taken]
    test = [image for image in images if image.caption in taken]
    queries = sample_triplets(PairIndex(test, one_word_less), SEED, 0)
    files = {
        f"labels/all_{split}_detect_all.txt": [f"{i.name}\t1.0\t{i.caption}" for i in own]
        for split, own in (("train", train), ("test", test))
    }
    files["test_queries.txt"] = [f"{query.reference} {query.target}" for query in queries]
    counts = {"queries for tuning": len(queries), "images for tuning": len(test)}
    return {**counts, "for training": len(train)}, files


def image_places(name, subset):
    """Where an image may lie: (folder below the data path, file names) in order of preference."""
    check_name(name, "image", folders=True)
    folder, _, file = name.rpartition("/")
    return [(folder, [file]), (folder.removeprefix("women").lstrip("/"), [file])]


def _fashion200k_name(path, place):
    """women/<category>/<sub>/<id>/<file>, also from a file that leaves out the leading women/."""
    name = path.strip()
    check_name(name, place, folders=True)
    return name if name.startswith("women/") else f"women/{name}"
