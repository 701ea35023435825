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
    asked = f.Asked.of(GALLERY, np.array([0]), np.array([1]))
    assert (asked.column.tolist(), asked.new.tolist()) == ([1], [1])
    changed, kept, both = f.following(asked, np.array([[1, 2, 3, 4]]))[0]
    assert (changed, kept, both) == (3 / 4, (2 / 2 + 1 / 2 + 0 / 2 + 2 / 2) / 4, 1 / 4)
    assert f.chance(asked)[0] == pytest.approx([3 / 5, (1 + 0.5 + 0 + 1 + 0.5) / 5, 1 / 5])
    assert f.perfect(asked).tolist() == [[1, 2, 3, 4, 5]]
    assert f.perfect(asked, 2).tolist() == [[1, 2]]
    means = f.by_column(asked, f.following(asked, np.array([[1, 2]])), ["gender", "colour", "kind"])
    row = {"changed": 100.0, "kept": 75.0, "both": 50.0}
    assert means == {"colour": row, "mean": row}


def test_what_the_reference_has_no_value_for_is_not_kept():
    asked = f.Asked.of(GALLERY[[5, 1, 0]] * [0, 1, 0] - [1, 0, 1], np.array([0]), np.array([1]))
    figures = f.following(asked, np.array([[1, 2]]))
    assert figures[0, [0, 2]].tolist() == [0.5, 0.5] and np.isnan(figures[0, 1])
    expected = {"changed": 50.0, "kept": None, "both": 50.0}
    assert f.by_column(asked, figures, "abc") == {"b": expected, "mean": expected}


def plain(values, reference, column, new, answers):
    changed, kept, both = 0, 0, 0
    others = [c for c in range(len(values[0])) if c != column and values[reference][c] != -1]
    for answer in answers:
        same = [values[answer][c] == values[reference][c] for c in others]
        changed += values[answer][column] == new
        kept += sum(same) / len(others) if others else float("nan")
        both += values[answer][column] == new and all(same)
    return changed / len(answers), kept / len(answers), both / len(answers)


def plain_perfect(values, reference, column, new):
    def tier(row):
        changed, _, both = plain(values, reference, column, new, [row])
        return 2 - changed - both

    return sorted((row for row in range(len(values)) if row != reference), key=tier)[:10]


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_plain_loops(seed):
    draw = np.random.default_rng(seed)
    values = draw.integers(-1, 3, (60, 4))
    pairs = [
        (i, j)
        for i, own in enumerate(values)
        for j, other in enumerate(values)
        if (own != other).sum() == 1
        and -1 not in (own + other)[own != other]
        and min(own[own != other][0], other[own != other][0]) >= 0
    ]
    assert len(pairs) > 20
    asked = f.Asked.of(values, *np.array(pairs).T)
    queries = list(zip(asked.reference, asked.column, asked.new, strict=True))
    answers = np.array([draw.permutation(np.delete(np.arange(60), r))[:10] for r, _, _ in queries])
    rows = zip(queries, answers, strict=True)
    expected = [plain(values, *query, own) for query, own in rows]
    np.testing.assert_allclose(f.following(asked, answers), expected, rtol=1e-12)
    every = [[row for row in range(60) if row != r] for r, _, _ in queries]
    expected = [plain(values, *q, own) for q, own in zip(queries, every, strict=True)]
    np.testing.assert_allclose(f.chance(asked), expected, rtol=1e-12)
    assert f.perfect(asked).tolist() == [plain_perfect(values, *query) for query in queries]
    figures = f.following(asked, answers)
    means = f.by_column(asked, figures, "abcd")
    columns = [figures[asked.column == c][:, 0].mean() for c in range(4)]
    assert means["mean"]["changed"] == pytest.approx(100 * np.mean(columns))
    assert means["b"]["changed"] == pytest.approx(100 * columns[1])
