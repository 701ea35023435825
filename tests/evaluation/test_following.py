"""changed, kept and both: by hand, and against a plain loop."""

import numpy as np
import pytest

from evaluation import following as f

# gender 0 men 1 women; colour 0 blue 1 red 2 green; kind 0 shirt 1 dress; -1 no value
GALLERY = np.array(
    [
        [0, 0, 0],  # 0: the reference, a blue shirt of men
        [0, 1, 0],  # 1: the target, in red
        [1, 1, 0],  # 2: red, kind kept, gender not
        [1, 1, 1],  # 3: red, nothing else
        [0, 0, 0],  # 4: the reference's twin
        [0, 2, -1],  # 5: another colour, no kind
    ]
)


def test_by_hand():
    shares = f.judge(GALLERY, 0, 1, 1, [1, 2, 3, 4], [4])
    answers, image, chance, perfect = shares
    assert answers.tolist() == [3 / 4, (2 / 2 + 1 / 2 + 0 / 2 + 2 / 2) / 4, 1 / 4]
    assert image.tolist() == [0, 1, 0]
    assert chance == pytest.approx([3 / 5, (1 + 0.5 + 0 + 1 + 0.5) / 5, 1 / 5])
    assert perfect == pytest.approx(chance)  # fewer than ten others: all are answers
    many = np.concatenate([GALLERY, GALLERY[1:2].repeat(8, 0)])
    assert f.judge(many, 0, 1, 1)[1].tolist() == [1, 0.95, 0.9]  # nine with both, then row 2
    means = f.by_column(["gender", "colour", "kind"], np.array([1]), np.array([shares]))
    assert list(means) == ["colour", "mean"] and means["mean"]["answers"] == [75.0, 62.5, 25.0]
    assert "; mean answers 75.0/62.5/25.0, image alone 0.0/100.0/0.0, " in f.one_line(means)


def test_what_the_reference_has_no_value_for_is_not_kept():
    values = np.array([[-1, 2, -1], [-1, 1, -1], [0, 0, 0]])
    shares = np.array([f.judge(values, 0, 1, 1, [1, 2], [1, 2])])
    assert shares[0, 0, [0, 2]].tolist() == [0.5, 0.5] and np.isnan(shares[0, 0, 1])
    found = f.by_column("abc", np.array([1]), shares)
    assert found["b"]["answers"] == found["mean"]["answers"] == [50.0, None, 50.0]
    assert "50.0/-/50.0" in f.one_line(found)


def plain(values, reference, column, new, answers):
    changed, kept, both = 0, 0, 0
    others = [c for c in range(len(values[0])) if c != column and values[reference][c] != -1]
    for answer in answers:
        same = [values[answer][c] == values[reference][c] for c in others]
        changed += values[answer][column] == new
        kept += sum(same) / len(others) if others else float("nan")
        both += values[answer][column] == new and all(same)
    return changed / len(answers), kept / len(answers), both / len(answers)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_plain_loops(seed):
    draw = np.random.default_rng(seed)
    values = draw.integers(-1, 3, (60, 4))
    pairs = [
        (i, j, c)
        for i, own in enumerate(values)
        for j, other in enumerate(values)
        for c in range(4)
        if own[c] != other[c] and -1 not in (own[c], other[c])
        and all(own[d] == other[d] for d in range(4) if d != c)
    ]  # fmt: skip
    assert len(pairs) > 20
    columns = np.array(pairs)[:, 2]
    found = []
    for reference, target, column in pairs:
        new, every = values[target][column], [row for row in range(60) if row != reference]
        answers = draw.permutation(every)[:10]
        asked = values, reference, column, new

        def tier(row, asked=asked):
            changed, _, both = plain(*asked, [row])
            return 2 - changed - both

        perfect = sorted(every, key=tier)[:10]
        expected = [plain(*asked, rows) for rows in (answers, answers[:1], every, perfect)]
        found.append(f.judge(values, reference, target, column, answers, answers[:1]))
        np.testing.assert_allclose(found[-1], expected, rtol=1e-12)
    shares = np.array(found)
    means = f.by_column("abcd", columns, shares)
    by = [shares[columns == c, 0, 0].mean() for c in range(4)]
    assert means["mean"]["answers"][0] == pytest.approx(100 * np.mean(by), abs=1e-4)
    assert means["b"]["answers"][0] == pytest.approx(100 * by[1], abs=1e-4)
