"""The demo data as a task: labels, pictures, words; neither image nor caption alone does."""

from collections import defaultdict

import numpy as np
import pytest

from demo.captions import clauses
from demo.garments import ATTRIBUTES, VALUES, Garment, draw, held_out, labels, random_garment
from demo.triplets import CLOTHES_CHANGES, SHOE_CHANGES, SHOE_KINDS, all_garments, comparisons


def test_a_clause_has_one_meaning_beside_its_reference():
    for kind, attributes in VALUES.items():
        if kind in ("jacket", "pants", "skirt"):  # only in Fashion200k, which has no clauses
            continue
        for attribute, values in attributes.items():
            for old in values:
                said = [
                    c for new in values if new != old for c in clauses(kind, attribute, old, new)
                ]
                assert len(said) == len(set(said))


def meanings(kinds):
    """{(attribute, clause): values it may mean when the reference is unknown}"""
    meaning = defaultdict(set)
    for kind in kinds:
        for attribute, values in {"kind": kinds, **VALUES[kind]}.items():
            for old in values:
                for new in set(values) - {old}:
                    for clause in clauses(kind, attribute, old, new):
                        meaning[attribute, clause].add(new)
    return meaning


def expected_hit(score, target, reference, k=10):
    """Probability that target is in the first k, equal scores in random order."""
    better = np.delete(score, reference) > score[target]
    tied = np.delete(score, reference) == score[target]
    return float(np.clip((k - better.sum()) / tied.sum(), 0, 1))


def ceilings(kinds, sizes, changes, captions):
    drawn = comparisons(np.random.default_rng(5), kinds, sizes, changes, captions)
    gallery = drawn.garments[drawn.train_images :]
    meaning, recalls = meanings(kinds), []
    table, column = np.array(gallery), list(ATTRIBUTES).index
    for pair in drawn.val:
        reference, target = pair.reference - drawn.train_images, pair.target - drawn.train_images
        same = (table == table[reference]).sum(1)
        for caption in pair.captions:
            fits = np.ones(len(table), int)
            for clause in caption.items():
                fits &= np.isin(table[:, column(clause[0])], list(meaning[clause]))
            scores = (same, fits, fits * 100 + same)
            recalls.append([expected_hit(score, target, reference) for score in scores])
    return np.mean(recalls, axis=0)


@pytest.mark.parametrize(
    "kinds, sizes, changes, captions",
    [
        (("dress",), (50, 50, 500, 0), CLOTHES_CHANGES, 2),
        (("toptee",), (50, 50, 500, 0), CLOTHES_CHANGES, 2),
        (SHOE_KINDS, (50, 50, 400, 0), SHOE_CHANGES, 1),
    ],
)
def test_only_image_and_caption_together_find_the_target(kinds, sizes, changes, captions):
    image, text, both = ceilings(kinds, sizes, changes, captions)
    assert 0.10 < image < 0.35 and 0.25 < text < 0.45
    assert both > 0.98


def test_labels_name_a_garment():
    garments = [g for kind in VALUES for g in all_garments([kind])]
    assert len({labels(g) for g in garments}) == len(garments) == len(set(garments))
    classes = [len(values) for values in ATTRIBUTES.values()]
    assert np.all(np.max([labels(g) for g in garments], axis=0) + 1 == classes)
    pump = Garment("pump", "blue", "dotted", heel="high", trim="bow")
    assert labels(pump) == (ATTRIBUTES["kind"].index("pump"), 4, 2, -1, -1, -1, -1, 2, 2)


def test_random_garments_keep_held_out_combinations_for_later():
    rng = np.random.default_rng(0)
    assert not any(held_out(random_garment(rng, "shirt")) for _ in range(400))
    every = all_garments(["shirt"])
    assert sum(map(held_out, every)) == len(every) / 5


@pytest.mark.parametrize("kind", VALUES)
def test_each_attribute_changes_the_picture(kind):
    """Same nuisances, one other value: the difference is seen, far above JPEG's."""
    plain = random_garment(np.random.default_rng(1), kind)._replace(pattern="plain")

    def photograph(garment):
        return np.asarray(draw(garment, np.random.default_rng(2)), int)

    for attribute, values in VALUES[kind].items():
        pictures = [photograph(plain._replace(**{attribute: value})) for value in values]
        assert pictures[0].shape == (96, 96, 3)
        for i, picture in enumerate(pictures):
            for other in pictures[:i]:
                changed = np.abs(picture - other).max(2) > 40
                assert changed.sum() >= 20, (attribute, values[i])
