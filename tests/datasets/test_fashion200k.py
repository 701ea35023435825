"""The sampler of Fashion200k's triplets: a plain-loop version, its properties, full size."""

import itertools
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.fashion200k import modification, one_word_less, read_fashion200k, sample_triplets
from datasets.pair_index import PairIndex
from datasets.records import LabelledImage


def labelled(captions):
    return [LabelledImage(f"women/{i}.jpeg", caption) for i, caption in enumerate(captions)]


def is_partner(ours, theirs):
    """Plain definition: equal but for one word at any place, which the other doesn't have."""
    ours, theirs = ours.split(), theirs.split()
    for i, a in enumerate(ours):
        for j, b in enumerate(theirs):
            rest = ours[:i] + ours[i + 1 :]
            if rest == theirs[:j] + theirs[j + 1 :] and a not in theirs and b not in ours:
                return True
    return False


def test_a_long_caption_costs_no_more_than_its_words():
    words = [f"{i:04}" for i in range(2_000)]  # 10,000 characters, the readers' limit
    stems = one_word_less(" ".join(words))
    assert [word for _, word in stems] == words and len(set(stems)) == 2_000
    assert sum(sys.getsizeof(stem) for stem, _ in stems) < 100 * 2_000
    for i in random.Random(0).sample(range(2_000), 5):
        rest = words[:i] + words[i + 1 :]
        assert (stems[i][0], "new") == one_word_less(" ".join([*rest, "new"]))[-1]


captions = st.lists(st.text("abcd ", max_size=7).map(lambda s: " ".join(s.split())), max_size=12)


@given(captions, st.integers(0, 5))
def test_agrees_with_plain_loops(texts, seed):
    images = labelled(texts)
    caption = {image.name: image.caption for image in images}
    index = PairIndex(images, one_word_less)
    partners = {
        image.name: {o.name for o in images if is_partner(image.caption, o.caption)}
        for image in images
    }
    assert {index.names[i] for i in index.modifiable} == {n for n, p in partners.items() if p}
    drawn = [sample_triplets(index, seed, epoch) for epoch in range(30)]
    for triplets in drawn:
        references = [t.reference for t in triplets]
        pairs = {frozenset((t.reference, t.target)) for t in triplets}
        assert len(pairs) == len(triplets) == len(set(references))
        for t in triplets:
            assert t.target in partners[t.reference]
            assert t.caption == modification(caption[t.reference], caption[t.target])


def test_every_partner_is_drawn():
    texts = ["red dress", "blue dress", "blue dress", "red coat", "dress red"]
    index = PairIndex(labelled(texts), one_word_less)
    seen = {t[:2] for e in range(200) for t in sample_triplets(index, 0, e)}
    name = "women/{}.jpeg".format
    # not (0, 4): "red dress" and "dress red" have the same words
    either_way = {(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)}
    assert seen == {(name(i), name(j)) for a, b in either_way for i, j in ((a, b), (b, a))}


def test_an_image_listed_twice_is_one_image():
    images = labelled(["red dress", "blue dress"])
    index = PairIndex([*images, LabelledImage("women/0.jpeg", "green dress")], one_word_less)
    (triplet,) = sample_triplets(index, 0, 0)
    assert sorted(triplet[:2]) == ["women/0.jpeg", "women/1.jpeg"]


@pytest.fixture(scope="module")
def full_size(tmp_path_factory):
    """Label files of the released size: 172,049 and 29,789 images, 53,099 captions in train."""
    root = tmp_path_factory.mktemp("fashion200k")
    draw = random.Random(0)
    words = [f"w{i}" for i in range(4000)]
    weights = list(itertools.accumulate(1 / (i + 1) for i in range(4000)))
    texts = {}
    while len(texts) < 53_099:
        chosen = draw.choices(words, cum_weights=weights, k=draw.randint(3, 7))
        texts[" ".join(dict.fromkeys(chosen))] = None
    texts = list(texts)
    (root / "labels").mkdir()
    for split, count in (("train", 172_049), ("test", 29_789)):
        rows = [texts[i] if i < 53_099 else draw.choice(texts) for i in range(count)]
        for part in range(5):
            lines = [
                f"women/c{part}/s/{i // 4}/{split}_{i}.jpeg\t0.9\t{rows[i]}\n"
                for i in range(part, count, 5)
            ]
            (root / f"labels/c{part}_{split}_detect_all.txt").write_text("".join(lines))
    return root


def test_full_size(full_size):
    start = time.process_time()
    images = read_fashion200k(full_size, "train")
    index = PairIndex(images, one_word_less)
    assert time.process_time() - start < 20
    assert len(images) == 172_049 and len({image.caption for image in images}) == 53_099
    assert len(read_fashion200k(full_size, "test")) == 29_789
    start = time.process_time()
    triplets = sample_triplets(index, 7, 1)
    assert time.process_time() - start < 5
    caption = {image.name: image.caption for image in images}
    pairs = set()
    for t in triplets:
        ours, theirs = caption[t.reference].split(), caption[t.target].split()
        assert sum((Counter(ours) - Counter(theirs)).values()) == 1 == len(set(ours) - set(theirs))
        assert sum((Counter(theirs) - Counter(ours)).values()) == 1 == len(set(theirs) - set(ours))
        pairs.add(frozenset((t.reference, t.target)))
    assert len(pairs) == len(triplets) > 0.5 * len(index.modifiable) > 10_000
    assert triplets == sample_triplets(index, 7, 1)
    assert triplets != sample_triplets(index, 7, 2) and triplets != sample_triplets(index, 8, 1)
    assert [t.reference for t in triplets] != sorted(t.reference for t in triplets)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to read memory from")
def test_full_size_memory(full_size):
    code = (
        "import sys, datasets\nfrom datasets import fashion200k as f\n"
        "from datasets.pair_index import PairIndex\n"
        "images = f.read_fashion200k(sys.argv[1], 'train')\n"
        "f.sample_triplets(PairIndex(images, f.one_word_less), 0, 0)\n"
        # Not getrusage: there a child starts with what the tests before it took.
        "status = dict(line.split(':') for line in open('/proc/self/status'))\n"
        "print(int(status['VmHWM'].split()[0]) * 1024)"
    )
    command = [sys.executable, "-c", code, str(full_size)]
    root = Path(__file__).parents[2]
    printed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    assert 1e7 < int(printed) < 2e9  # bytes
