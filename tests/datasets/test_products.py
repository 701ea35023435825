"""Your own products: pairs, sentences, parts, given triplets, and the reader of what is written."""

import json
import random
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from command_line.errors import InputError
from datasets import products
from datasets.pair_index import PairIndex
from datasets.prepare_products import count_partners
from datasets.product_table import Table
from datasets.products import PHRASES, one_value_less, sample
from datasets.tuning_split import write_tuning_split
from tests.support.small_products import HEADER, PHOTOGRAPHS, prepare, small_shop, write_table

ATTRIBUTES = ["gender", "baseColour", "articleType", "usage"]
COUNTED = {  # products, sets of values, with a partner, of these by, values of each
    "products.csv": (8591, 1168, 8584, [5866, 8497, 8385, 4508], [5, 43, 75, 6]),
    "small/products.csv": (19927, 2442, 19913, [14079, 19774, 19689, 11149], [5, 46, 134, 8]),
}


def plain_column(ours, theirs):
    """The only column in which two sets of values differ, if both have a value there, else None."""
    differ = [c for c, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    both = len(differ) == 1 and None not in (ours[differ[0]], theirs[differ[0]])
    return differ[0] if both else None


@lru_cache(4)
def plain_partners(sets):
    """{values: {column: [partners by it]}}"""
    partners = {values: {} for values in sets}
    for ours in sets:
        for theirs in sets:
            column = plain_column(ours, theirs)
            if column is not None:
                partners[ours].setdefault(column, []).append(theirs)
    return partners


def plain_sample(rows, phrases, seed, epoch):
    """products.sample as loops: the same random numbers, one at a time, for the same choices."""
    names, values_of, draw = list(rows), dict(rows), np.random.default_rng([seed, epoch])
    sets, words, stems, having = tuple(dict.fromkeys(rows.values())), {}, {}, {}
    for values in sets:  # the order of columns and of values is that of their first product
        for column, value in enumerate(values):
            if value is not None:
                words.setdefault((column, value), len(words))
                stems.setdefault((column, values[:column] + values[column + 1 :]), len(stems))
    for name, values in rows.items():
        having.setdefault(values, []).append(name)
    partners = {
        ours: {
            column: sorted(own[column], key=lambda v, c=column: words[c, v[c]])
            for column in sorted(own, key=lambda c, v=ours: stems[c, v[:c] + v[c + 1 :]])
        }
        for ours, own in plain_partners(sets).items()
    }
    references = draw.permutation([i for i, name in enumerate(names) if partners[values_of[name]]])
    references = [names[i] for i in references]
    columns = [
        list(partners[values_of[name]])[draw.integers(len(partners[values_of[name]]))]
        for name in references
    ]
    options = [partners[values_of[n]][c] for n, c in zip(references, columns, strict=True)]
    chosen = [own[draw.integers(len(own))] for own in options]
    targets = [having[values][draw.integers(len(having[values]))] for values in chosen]
    sentences = draw.integers(len(phrases), size=len(references))
    return [
        (r, t, phrases[s].replace("{old}", values_of[r][c]).replace("{new}", values_of[t][c]))
        for r, t, c, s in zip(references, targets, columns, sentences, strict=True)
    ]


values = st.tuples(*[st.sampled_from([None, "a", "b", "c d"])] * 3)


@given(st.lists(values, max_size=25), st.integers(0, 3))
def test_pairs_agree_with_plain_loops(sets, seed):
    rows = {f"{i}.jpg": row for i, row in enumerate(sets)}
    index = PairIndex(rows.items(), one_value_less)
    has = [{plain_column(a, b) for b in sets} - {None} for a in sets]
    assert [i for i, columns in enumerate(has) if columns] == index.modifiable.tolist()
    assert count_partners(index, range(3)) == {c: sum(c in own for own in has) for c in range(3)}
    for epoch in range(3):
        drawn = sample(index, PHRASES, seed, epoch)
        assert [t[:3] for t in drawn] == plain_sample(rows, PHRASES, seed, epoch)


def test_pairs_of_2000_products_are_those_of_a_double_loop():
    draw = random.Random(0)
    columns = ["abc", "abcdefgh", "abcdefghij", [None, "a", "b"]]
    sets = [tuple(draw.choice(column) for column in columns) for _ in range(2000)]
    index = PairIndex(enumerate(sets), one_value_less)
    found = set()
    for edge in index.edges:
        block = np.arange(index.block[edge], index.block_end[edge])
        own = (index.run[edge] <= block) & (block < index.run_end[edge])
        found.update((index.caption[edge], other) for other in index.caption[block[~own]])
    number = index.caption_of_image
    ours = {row: number[i] for i, row in enumerate(sets)}
    plain = {
        (i, ours[values])
        for own, i in ours.items()
        for partners in plain_partners(tuple(ours))[own].values()
        for values in partners
    }
    assert found == plain and len(plain) > 2000
    drawn = sample(index, PHRASES, 1, 2)
    assert [t[:3] for t in drawn] == plain_sample(dict(enumerate(sets)), PHRASES, 1, 2)
    assert drawn == sample(index, PHRASES, 1, 2) != sample(index, PHRASES, 1, 3)
    shares = Counter(plain_column(sets[t.reference], sets[t.target]) for t in drawn)
    assert min(shares[column] for column in range(3)) > 400  # even, whatever the column's size


@pytest.mark.skipif(not PHOTOGRAPHS.exists(), reason="no ../shared/photographs here")
@pytest.mark.parametrize("name", COUNTED)
def test_partners_of_the_photographs(name):
    """The counts are another program's."""
    columns = [Table(PHOTOGRAPHS / name).values(attribute, "") for attribute in ATTRIBUTES]
    rows = list(zip(*columns, strict=True))
    index = PairIndex(enumerate(rows), one_value_less)
    by = list(count_partners(index, ATTRIBUTES).values())
    values = [len(set(column) - {None}) for column in columns]
    assert (len(rows), len(set(rows)), len(index.modifiable), by, values) == COUNTED[name]


@pytest.fixture
def shop(tmp_path):
    rows = small_shop(tmp_path)
    return tmp_path, rows, write_table(tmp_path / "shop.csv", rows)


def parts_of(data):
    return {product.image: product.part for product in products.read_products(data)[0]}


def test_what_is_written(shop, capsys):
    root, rows, table = shop
    for name, content in (("0.png", b"<html>"), ("2.png", (root / "photos/1.png").read_bytes())):
        (root / "photos" / name).write_bytes(content)
    (root / "photos/3.png").unlink()
    Image.new("RGB", (7, 40)).save(root / "photos/4.png")
    data = prepare(root, table)
    printed = capsys.readouterr().out
    for line in ("0.png: HTML or XML page", "4.png: smaller than 8 pixels a side"):
        assert f"{line}\n" in printed
    assert "shop.csv:5: column image: missing: 3.png"
    entries = {product.image: product for product in products.read_products(data)[0]}
    assert sorted(entries) == list(entries) and len(entries) == 117
    assert entries["5.png"].values == ("men", "shirt", "navy blue")
    assert entries["15.png"].values == ("men", "shirt", None)
    assert entries["1.png"].part == entries["2.png"].part
    about = json.loads((data / "products.json").read_text())
    counts = about["counts"]
    expected = {"rows": 120, "images found": 119, "images missing": 1, "images broken": 1,
                "images tiny": 1, "rows whose bytes others have": 2}  # fmt: skip
    assert expected.items() <= counts.items()
    assert counts["products with a partner"] == 117 and counts["by colour"] == 87
    assert counts["values of colour"] == 3 and "values of colour" in printed
    training = products.read_training(data)
    drawn = training.sampler(training.labelled)(0, 0)
    assert len(drawn) == counts["triplets an epoch"]
    assert sum("dress -> shirt: " in line for line in printed.splitlines()) == 1
    assert "kind: the changes drawn most often\n" in printed
    for name, changed in (
        ("products.jsonl", "{}\n"),
        ("products.json", json.dumps({**about, "phrases": []})),
    ):
        whole = (data / name).read_text()
        (data / name).write_text(changed)
        with pytest.raises(InputError, match="not what prepare_products wrote"):
            products.read_training(data)
        (data / name).write_text(whole)


def test_reader(shop):
    root, rows, table = shop
    data = prepare(root, table)
    entries, about = products.read_products(data)
    values, part = {p.image: p.values for p in entries}, {p.image: p.part for p in entries}
    training, benchmark = products.read_training(data), products.read_benchmark(data, "", "val")
    in_training = {image for image in part if part[image] != "validation"}
    assert {image.name for image in training.labelled} == in_training
    assert len(set(part.values())) == 3
    drawn = training.sampler(training.labelled)(0, 0)
    assert {t.reference for t in drawn} == in_training
    for a in drawn:
        assert a.target in in_training
        assert all((a.label == b.label) == (values[a.target] == values[b.target]) for b in drawn)
    words = {word for text in training.texts for word in text.split()}
    assert words.issuperset(word for t in drawn for word in t.caption.split())
    some = training.labelled[::2]
    assert {n for t in training.sampler(some)(0, 1) for n in t[:2]} <= {i.name for i in some}
    assert benchmark == products.read_benchmark(data, "", "val")
    assert benchmark.gallery == sorted(set(part) - in_training)
    for query in benchmark.queries:
        equal = {n for n in benchmark.gallery if values[n] == values[query.targets[0]]}
        assert set(query.targets) == equal
        assert plain_column(values[query.reference], values[query.targets[0]]) is not None
    texts = products.read_side_texts(data)
    assert ("0.png", "men shirt red") in [text[:2] for text in texts] or "0.png" not in in_training
    assert {i.label for i in texts if i[1] == texts[0][1]} == {texts[0].label}
    assert products.image_places("a/b.jpg", "") == [("images/a", "b.jpg")]
    assert (data / "images/0.png").exists()
    names, codes = products.read_values(data, ["0.png", "5.png", "15.png"])
    assert names == ["gender", "kind", "colour"]
    assert (codes[:, :2] == codes[0, :2]).all() and codes[0, 2] != codes[1, 2] != codes[2, 2] == -1


def test_tuning_root(shop):
    root, rows, table = shop
    data = prepare(root, table)
    before = parts_of(data)
    line = write_tuning_split(products, data, root / "tuning")
    after = parts_of(root / "tuning")
    assert f"{Counter(before.values())['tuning']} products for tuning" in line
    assert (root / "tuning/images/0.png").exists()
    assert after == {
        image: "validation" if part == "tuning" else part
        for image, part in before.items() if part != "validation"
    }  # fmt: skip
    assert products.read_benchmark(root / "tuning", "", "val").gallery == sorted(
        image for image, part in before.items() if part == "tuning"
    )


def test_rows_added_and_gone_move_nobody_else(shop, capsys):
    root, rows, table = shop
    before = parts_of(prepare(root, table))
    photo = root / "photos"
    (photo / "new.png").write_bytes((photo / "8.png").read_bytes())  # joins a group
    random.Random(0).shuffle(rows)
    gone, rest = rows[0], [["new", "Women", "shirt", "red", "x"], *rows[1:]]
    capsys.readouterr()
    after = parts_of(prepare(root, write_table(table, rest)))
    assert "rows added 1, gone 1, changed 0" in capsys.readouterr().out
    assert after.pop("new.png") == after["8.png"]
    assert before.pop(gone[0]) and after == before
    (root / "data/products.json").unlink()  # no part is known: the same but for what is joined
    after = parts_of(prepare(root, write_table(table, rest)))
    assert all(after[image] == part for image, part in before.items() if image != "8.png")


def test_groups_and_given_parts(shop):
    root, rows, table = shop
    data = prepare(root, table, "--group=style")
    parts = parts_of(data)
    assert all(parts[f"{i}.png"] == parts[f"{i + 1}.png"] for i in range(0, 120, 2))
    assert len(set(parts.values())) == 3
    own = [[*row, {"0": "val", "1": "Training"}.get(row[0][:-4], "")] for row in rows]
    prepare(root, write_table(table, own, (*HEADER, "split")), "--group=style")
    assert parts_of(data) == {**parts, "0.png": "validation", "1.png": "training"}


def test_given_triplets(shop, capsys):
    root, rows, table = shop
    parts = parts_of(prepare(root, table))
    of = {part: [name for name in parts if parts[name] == part] for part in products.PARTS}
    (a, b, c), (d, e, *_), (f, g, *_) = of["training"][:3], of["tuning"], of["validation"]
    rows = [(a, b, "is longer"), (a, c[:-4], "has sleeves"), (d, e, "x"), (f, g, "y"), (a, f, "z"),
            (a, "other", "w")]  # fmt: skip
    flag = f"--triplets={write_table(root / 'own.csv', rows, ('reference', 'target', 'caption'))}"
    data = prepare(root, table, flag)
    assert parts_of(data) == parts
    about = json.loads((data / "products.json").read_text())
    numbers = [n for what, n in about["counts"].items() if what.startswith("given")]
    assert numbers == [2, 1, 1, 1, 1]
    training = products.read_training(data)
    own = {t[:3] for t in training.given}
    assert own == {(a, b, "is longer"), (a, c, "has sleeves"), (d, e, "x")}
    assert {"is longer", "x"} < set(training.texts) and "y" not in training.texts
    label = {image.name: image.label for image in training.labelled}
    assert all(t.label == label[t.target] for t in training.given)


def test_given_triplets_alone(shop):
    root, rows, table = shop
    own = [(f"{i}.png", f"{i + 1}.png", f"text {i}") for i in range(0, 120, 2)]
    flag = f"--triplets={write_table(root / 'own.csv', own, ('reference', 'target', 'caption'))}"
    data = prepare(root, table, flag, attributes="")
    training, benchmark = products.read_training(data), products.read_benchmark(data, "", "val")
    assert len(benchmark.queries) == 6 and len(training.given) == 54
    assert training.sampler(training.labelled)(0, 0) == []
    assert {query.targets for query in benchmark.queries} <= {(row[1],) for row in own}
    assert sum(part == "tuning" for part in parts_of(data).values()) == 12
    assert len({t.label for t in training.given}) == 54
