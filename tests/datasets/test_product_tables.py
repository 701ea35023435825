"""Tables as people save them, and what is refused: one line that names file, line and column."""

import pytest

from command_line.errors import InputError
from datasets.find_images import find_written
from datasets.image_files import open_images
from datasets.prepare_products import read_phrases
from datasets.product_table import Table
from tests.support.small_products import HEADER, prepare, small_shop, write_table

HEAD = b"image,gender,kind,colour\n"
ROWS = b"0.png,men,shirt,red\n1.png,men,shirt,blue\n"
TRIPLETS = b"reference,target,caption\n"
BAD_TABLES = {  # content, line, column, what the message says
    "empty": (b"", 1, "1", "an empty file"),
    "blank": (b"\xef\xbb\xbf\n \n", 1, "1", "an empty file"),
    "a header alone": (HEAD, 1, "image", "without rows"),
    "no header": (ROWS, 1, "1", "no header: the first row holds the picture '0.png'"),
    "a column twice": (b"image,gender,kind,gender\n" + ROWS, 1, "4", "a second column 'gender'"),
    "no image column": (HEAD.replace(b"image", b"Image") + ROWS, 1, None, "column): Image, "),
    "no such attribute": (HEAD.replace(b"kind", b"type") + ROWS, 1, None, "no column 'kind'"),
    "short row": (HEAD + ROWS + b"2.png,men,shirt\n", 4, "colour", "3 cells in this row, 4 in"),
    "long row": (HEAD + b"0.png,men,shirt,red,\n", 2, "colour", "5 cells in this row, 4 in"),
    "open quote": (HEAD + b'0.png,"a\nb",shirt,red\n1.png,men,"shirt,red\n', 4, "kind", "never"),
    "text behind a quote": (HEAD + b'0.png,"men"s,shirt,red\n', 2, "gender", "write it twice"),
    "two rows for an image": (HEAD + ROWS + b"1.png,men,dress,red\n", 4, "image", "another row: "),
    "two names of an image": (HEAD + ROWS + b"1,men,dress,red\n", 4, "image", "another row: "),
    "no image": (HEAD + ROWS + b" - ,men,dress,red\n", 4, "image", "no image in this row"),
    "above the folder": (HEAD + b"../0.png,men,shirt,red\n", 2, "image", "lead out of"),
    "absolute": (HEAD + b"/tmp/0.png,men,shirt,red\n", 2, "image", "lead out of"),
    "an address": (HEAD + b"https://a.b/0.png,men,shirt,red\n", 2, "image", "download the"),
    "several files": (HEAD + b'"0.png, 1.png",men,shirt,red\n', 2, "image", "one picture a row"),
    "several names": (HEAD + b"0|1,men,shirt,red\n", 2, "image", "one picture a row"),
    "none of the images": (HEAD + b"x.png,men,shirt,red\n", 2, "image", "none of the images"),
    "XLSX": (b"PK\x03\x04\xf6rest", 1, None, "not UTF-8 (byte 4 of the file): save it as UTF-8"),
    "Latin-1": (HEAD + ROWS + b"2.png,men,shirt,gr\xfcn\n", 4, None, "a table as CSV"),
    "UTF-16": ((HEAD + ROWS).decode().encode("utf-16"), 1, None, "not UTF-8"),
    "oversize": (HEAD + b"0.png,men," + b"x" * 200_000 + b",red\n", 2, "kind", "200000 characters"),
    "a part unknown": (b"image,gender,kind,colour,split\n0.png,men,a,b,dev\n", 2, "split", "'dev'"),
}
BAD_TRIPLETS = {
    "no caption column": (b"reference,target,text\n0,1,is red\n", 1, None, "no column 'caption'"),
    "no caption": (TRIPLETS + b"0,1,is red\n0,1, \n", 3, "caption", "no caption"),
    "to itself": (TRIPLETS + b"0.png,0,is red\n", 2, "reference", "is the same picture"),
    "no target": (TRIPLETS + b"0.png,,is red\n", 2, "target", "no image in this row"),
    "an address": (TRIPLETS + b"https://a/0.png,1,is red\n", 2, "reference", "download the"),
    "cut short": (TRIPLETS + b"0,1,is red\n0,1\n", 3, "caption", "2 cells in this row, 3 in"),
    "oversize": (TRIPLETS + b"0,1," + b"x" * 10_001, 2, "caption", "10001 characters, over 10000"),
}


@pytest.fixture
def shop(tmp_path):
    table = write_table(tmp_path / "shop.csv", small_shop(tmp_path, each=1))
    (tmp_path / "data").mkdir()
    return table


def refusal(shop, table, *flags):
    with pytest.raises(InputError) as error:
        prepare(shop.parent, table, *flags)
    assert list((shop.parent / "data").iterdir()) == []
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    return str(error.value)


@pytest.mark.parametrize(
    "bad, name", [(bad, name) for bad in (BAD_TABLES, BAD_TRIPLETS) for name in bad]
)
def test_a_bad_file_is_refused(bad, name, shop):
    content, line, column, what = bad[name]
    file = shop.with_name("bad.csv")
    file.write_bytes(content)
    tables = [file] if bad is BAD_TABLES else [shop, f"--triplets={file}"]
    message = refusal(shop, *tables)
    assert message.startswith(f"{file}:{line}: " + (f"column {column}: " if column else ""))
    assert what in message


def test_other_refusals(shop):
    equal = write_table(shop.with_name("equal.csv"), [["0", "men"], ["1", "men"]], HEADER[:2])
    assert "differ in one of gender" in refusal(shop, equal, "--attributes=gender")
    assert "--attributes=kind,kind" in refusal(shop, shop, "--attributes=kind,kind")
    assert "no such folder" in refusal(shop, shop, "--image_dir=nowhere")
    assert "No such file" in refusal(shop, shop.with_name("none.csv"))
    phrases = shop.with_name("phrases.txt")
    for text, line, what in (
        ("{new}\nred\n", 2, "a phrase has {new}"),
        ("{new} for {price}\n", 1, "may have {old}"),
        ("", 1, "a phrase has {new}"),
    ):
        phrases.write_text(text)
        message = refusal(shop, shop, f"--phrases={phrases}")
        assert message.startswith(f"{phrases}:{line}: ") and what in message
    phrases.write_text("{new} statt {old}\nin {new}")
    assert read_phrases(phrases) == ["{new} statt {old}", "in {new}"]


def test_the_columns_to_choose_from(shop, capsys):
    with pytest.raises(InputError, match="--attributes=<column>"):
        prepare(shop.parent, shop, attributes="")
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["gender"] == ["2", "12.0", "24"] and lines["style"] == ["12", "2.0", "-"]
    assert not any((shop.parent / "data").iterdir())


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_tables_as_people_save_them(separator, ends, mark, tmp_path):
    lines = ["image,colour", '1,"navy, light; ""blue"""', ",", "", '2,"two', 'lines"', "3, N/A "]
    text = mark + ends.join(line.replace(",", separator) if line != lines[1] else
                            line.replace("1,", f"1{separator}") for line in lines)  # fmt: skip
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    table = Table(path)
    assert [place.split(":")[1] for place, _ in table.images("image", "")] == ["2", "5", "7"]
    assert table.values("colour", "") == ['navy, light; "blue"', "two lines", "n/a"]


def test_values(tmp_path):
    texts = ["NA", " - ", '""', "  Navy\u00a0 BLUE ", "\uff32\uff45\uff44", "ﬁne", "n.a."]
    (tmp_path / "a.csv").write_text("\n".join(["a", *texts]), encoding="utf-8")
    values = ["navy blue", "red", "fine", "n.a."]
    assert Table(tmp_path / "a.csv").values("a") == [None, None, *values]  # a blank row is none


def test_files_are_found_with_and_without_ending(tmp_path):
    files = ("a.JPG", "b.jfif", "c.png", "c.PNG", "c.jpeg", "d.x.webp", "sub/e.jpg", "f", "g.txt")
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    found = find_written(["a", "a.jpg", "b", "c", "c.png", "d.x", "sub/e", "e", "f", "g"], tmp_path)
    assert found == {
        "a": "a.JPG", "a.jpg": "a.JPG", "b": "b.jfif", "c": "c.jpeg", "c.png": "c.png",
        "d.x": "d.x.webp", "sub/e": "sub/e.jpg", "f": "f",
    }  # fmt: skip


def test_pictures_that_cant_be_used(tmp_path):
    small_shop(tmp_path, each=1)
    photos = [tmp_path / "photos" / f"{number}.png" for number in range(4)]
    photos[1].write_bytes(photos[0].read_bytes())
    photos[2].write_bytes(b"<html>")
    broken, digests = open_images(photos)
    assert broken == {photos[2]: "HTML or XML page"}
    assert digests[photos[0]] == digests[photos[1]] != digests[photos[3]]
