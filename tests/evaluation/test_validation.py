"""Recall in training where images are missing: over the queries that test_val.py would ask."""

import numpy as np
import pytest

from command_line.errors import InputError
from config import make_config
from datasets.vocabulary import Vocabulary
from demo.generate_demo_data import generate
from evaluation.validation import Validation


def test_queries_without_a_correct_image_are_left_out(tmp_path):
    generate(tmp_path, "shoes", triplets=20)
    root = tmp_path / "shoes"
    config = make_config(dataset="shoes", data_path=str(root), allow_missing=True, eval_length=5)
    before = Validation(config, Vocabulary.build([])).parts[0][-1]
    target = before.gallery[before.correct_of(0)[0]]
    for path in root.rglob(target):
        path.unlink()
    answered = [target not in [before.gallery[i] for i in before.correct_of(query)]
                and before.query_references[query] != target
                for query in range(len(before.captions))]  # fmt: skip
    after = Validation(config, Vocabulary.build([])).parts[0][-1]
    assert 0 < len(after.captions) == sum(answered) < len(before.captions)
    assert np.all(np.diff(after.correct.indptr) > 0)
    for name in before.gallery:
        for path in root.rglob(name):
            path.unlink()
    with pytest.raises(InputError, match="--eval_length=5: no query has its images"):
        Validation(config, Vocabulary.build([]))
