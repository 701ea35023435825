"""What a table says of pictures: words to begin with, changes to ask for; in either index."""

import csv
import random

import pytest

from catalogue.file_index import FileIndex
from catalogue.indexing import update_index
from catalogue.table import SENTENCES, find_words, sentences, words_of
from command_line.errors import InputError
from datasets.product_table import value_of
from tests.support.small_catalogue import Drawn, write_picture
from tests.support.small_products import prepare, small_shop, write_table
from tests.support.small_run import write_run

HEADER = ("image", "colour", "kind", "note")
ROWS = [
    ("jpg.jpg", "Blue", "Kurtas", "Fab <b>Blue</b> Kurta"),
    ("png", "Navy  Blue", "Kurtas", "=cmd()"),  # without its ending
    ("webp.webp", "Red", "Kurtas", ""),
    ("gif.gif", "NA", "Shirts", "OR"),
    ("dresses/long/0.png", "Red", "Shirts", "Café, Gruß"),
    ("not there.png", "Red", "Shirts", ""),
]


@pytest.fixture
def tabled(store, tmp_path):
    table = write_table(tmp_path / "shop.csv", ROWS, HEADER)
    report = store.update(table=str(table), attributes="colour,kind")
    assert report.table.endswith("shop.csv: 6 rows, about 5 of the pictures")
    return store


def found(index, text, **options):
    numbers, count, missing = find_words(index, text, **options)
    return [index.name_of(number) for number in numbers], count, missing


def test_words_find_pictures(tabled):
    index = tabled.open()
    assert found(index, "blue KURTA") == (["jpg.jpg", "png.png"], 2, [])
    assert found(index, "blue kurta", top=1, skip=1) == (["png.png"], 2, [])
    assert found(index, "cafe gruss") == (["dresses/long/0.png"], 1, [])
    assert found(index, "ｌｏｎｇ", within="dresses/")[1] == 4  # of the name
    assert found(index, "red", within="dresses/") == (["dresses/long/0.png"], 1, [])
    assert found(index, "red gif") == ([], 0, [])
    assert found(index, "blue xyzzy red") == ([], 0, ["xyzzy"])
    assert found(index, "lue")[1] == 0  # the beginning of a word, not its end


@pytest.mark.parametrize(
    "text", ['blue" OR "red', "NEAR(blue red)", "text:blue", "blue*", "-blue", "^blue", "'blue",
             "blue' | 'red", "blue & !red", "b\0lue", "\\'; DROP TABLE said", "a" * 10_000,
             "\ud800a"]
)  # fmt: skip
def test_words_are_no_syntax(tabled, text):
    index = tabled.open()
    names, count, missing = found(index, text)
    assert set(names) <= {"jpg.jpg", "png.png"} and count == len(names)
    assert count or missing or len(words_of(text)) > 1
    assert index.said_of([index.number_of("gif.gif")]).popitem()[1] == {
        "kind": "Shirts", "note": "OR"
    }  # fmt: skip


def test_too_many_words_or_none_are_refused(tabled):
    for text in ("?!", " ".join(map(str, range(13)))):
        with pytest.raises(InputError, match="1 to 12 can be looked for"):
            find_words(tabled.open(), text)


def test_tables_follow_the_folder(tabled, photos, tmp_path):
    store, table = tabled, tmp_path / "shop.csv"
    write_picture(photos / "not there.png", 70)
    (photos / "png.png").unlink()
    assert "6 rows, about 5" in store.update().table  # the same table, read again
    assert found(store.open(), "blue kurta")[0] == ["jpg.jpg"]
    assert found(store.open(), "red")[0] == ["dresses/long/0.png", "not there.png", "webp.webp"]
    table.rename(tmp_path / "away.csv")
    assert "not there any longer; what it said of pictures stays" in store.update().table
    assert found(store.open(), "red")[1] == 3
    (tmp_path / "away.csv").rename(table)
    write_table(table, [("bmp.bmp", "Green", "Kurtas", "")], HEADER)
    index = store.update() and store.open()
    assert found(index, "kurta")[0] == ["bmp.bmp"] and found(index, "red")[2] == ["red"]
    for columns, said in (("x", "no column 'x'"), ("colour,kind", "image of another row")):
        write_table(table, 2 * ROWS[:1] if "kind" in columns else ROWS, HEADER)
        with pytest.raises(InputError, match=said):
            store.update(table=str(table), attributes=columns)


def test_changes_are_those_of_a_plain_double_loop(store, photos, tmp_path):
    draw = random.Random(0)
    names = [str(p.relative_to(photos)) for p in sorted(photos.rglob("*.*")) if p.suffix != ".txt"]
    rows = [(n, *(draw.choice(["A", "b  b", "-"]) for _ in range(2)), draw.choice("xy"))
            for n in names]  # fmt: skip
    store.update(table=str(write_table(tmp_path / "t.csv", rows, HEADER)))
    index, values = store.open(), {n: tuple(map(value_of, v)) for n, *v in rows}
    assert index.about["table"]["columns"] == ["colour", "kind", "note"]  # their values repeat
    for name, own in values.items():
        wanted = {}
        for other in values.values():
            differ = [k for k in range(3) if own[k] != other[k]]
            if len(differ) == 1 and None not in (own[differ[0]], other[differ[0]]):
                key = (differ[0], own[differ[0]], other[differ[0]])
                wanted[key] = wanted.get(key, 0) + 1
        rows = index.changes_of(index.number_of(name))
        assert {tuple(row[:3]): row[3] for row in rows} == wanted


def test_sentences_take_turns_and_only_known_words():
    table = {"columns": ["colour", "sleeve"], "phrases": ["statt {old} {new}", "make it {new}"]}
    changes = [(0, "blue", f"c{k}", 9 - k) for k in range(9)] + [(1, "long", "short", 1)]
    changes += [(1, "long", "unheard of", 1)]
    known = dict.fromkeys(["make", "it", "blue", "long", "short", *(f"c{k}" for k in range(9))])
    asked = sentences(changes, table, known)
    assert asked == [("colour", [f"make it c{k}" for k in range(7)]), ("sleeve", ["make it short"])]
    assert sum(len(texts) for _, texts in asked) == SENTENCES


def test_an_index_of_a_products_run_takes_its_own_table(tmp_path):
    rows = small_shop(tmp_path, each=1)
    data = prepare(tmp_path, write_table(tmp_path / "shop.csv", rows))
    write_run(tmp_path / "run", dataset="products", data_path=str(data))
    how = (tmp_path / "index", tmp_path / "photos", Drawn(), tmp_path / "run")
    assert update_index(*how).table == f"{data}: 24 rows, about 24 of the pictures"
    index = FileIndex(tmp_path / "index")
    assert index.about["table"]["columns"] == ["gender", "kind", "colour"]
    said = index.said_of([index.number_of("1.png")]).popitem()[1]
    assert said == {"gender": "men", "kind": "shirt", "colour": "navy blue"}
    (data / "products.json").rename(tmp_path / "away")  # as on another machine
    assert update_index(*how).table == "" and found(FileIndex(tmp_path / "index"), "navy")[1] == 6
    table = write_table(tmp_path / "own.csv", [["1", "Silk"]], ["image", "cloth"])
    update_index(*how, table=str(table))
    assert found(FileIndex(tmp_path / "index"), "silk") == (["1.png"], 1, [])


def test_words_are_folded():
    assert words_of("Ünï-画像 Ａ_b “x”") == ["uni", "画像", "a", "b", "x"]
    assert words_of("a" * 99) == ["a" * 40]


def test_a_table_that_is_none_is_named_by_line(store, tmp_path):
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, ("a.png", "red")])
    with pytest.raises(InputError, match=r"t\.csv:2: column kind: 2 cells"):
        store.update(table=str(path))
    with pytest.raises(InputError, match="--attributes= are columns of --table="):
        store.update(attributes="colour")
