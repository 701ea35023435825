"""What people choose: whole lines that a table's reader takes, of any number of processes."""

import csv
import errno
import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("flask")

from catalogue import feedback as feedback_module  # noqa: E402 - after the skip
from catalogue.feedback import HEADER, Feedback  # noqa: E402
from catalogue.page import make_app  # noqa: E402
from command_line.errors import InputError  # noqa: E402
from datasets.product_table import Table  # noqa: E402
from tests.catalogue.test_page import cards, numbers  # noqa: E402

APPEND = """
import sys
from catalogue.feedback import Feedback
for number in range(40):
    Feedback(sys.argv[1]).add("a.jpg", "b.jpg", f"process {sys.argv[2]}, " + number * "is red ")
"""


@pytest.fixture
def writing(shop, tmp_path):
    """(client whose page takes feedback, the file, address of an answer, target's number)"""
    path = tmp_path / "feedback.csv"
    searcher = shop[0].application.service.searcher
    client = make_app(searcher, ["localhost"], Feedback(path)).test_client()
    known = numbers(client)
    return client, path, f"/?p={known['tops/3.png']}&t=is+red&n=5", known["tops/5.png"]


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_processes_append_whole_lines_to_one_file(tmp_path):
    path = tmp_path / "feedback.csv"
    started = [subprocess.Popen([sys.executable, "-c", APPEND, path, str(k)]) for k in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    rows = rows_of(path)
    assert rows[0] == HEADER.split(",") and len(rows) == 161
    for k in range(4):
        texts = [row[2] for row in rows if row[2].startswith(f"process {k},")]
        assert texts == [f"process {k}, {n * 'is red '}".strip() for n in range(40)]


def test_formulas_and_what_the_reader_refuses_do_not_enter(tmp_path):
    path = tmp_path / "feedback.csv"
    feedback = Feedback(path)
    texts = ["=1+1", "@SUM(A1)", "+red", "-red", "\t=red", "＝red", "a,\"b\"\r\n=cmd|' /C calc'!A0"]
    for text in texts:
        feedback.add("a.jpg", "b/c.jpg", text)
    for name in ("=a.jpg", "+a.jpg", "-a.jpg", "@a.jpg", "a;b.jpg", "a\nb.jpg", " a.jpg", "na"):
        for pair in ((name, "b.jpg"), ("b.jpg", name)):
            with pytest.raises(InputError):
                feedback.add(*pair, "is red")
    for text in ("", "=+-", "a\0b"):
        with pytest.raises(InputError, match="can't hold this sentence"):
            feedback.add("a.jpg", "b.jpg", text)
    assert not re.search(r'(^|[,"\n])[=+@\t\r-]', path.read_text().replace('""', ""))
    table = Table(path)
    assert [text for _, text in table.texts("caption", "")] == [
        "1+1", "SUM(A1)", "red", "red", "red", "red", "a,\"b\" =cmd|' /C calc'!A0"
    ]  # fmt: skip
    assert {image for _, image in table.images("target", "")} == {"b/c.jpg"}


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "feedback.csv"
    path.write_text(f"{HEADER}\na.jpg,b.jpg,is red,now")  # an editor left no line's end
    Feedback(path).add("a.jpg", "c.jpg", "is blue")
    before = path.read_text()
    assert len(rows_of(path)) == 3
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(feedback_module.os, "write", lambda file, data: write(file, data[:9]))
        with pytest.raises(OSError, match="No space left"):
            Feedback(path).add("a.jpg", "b.jpg", "is red")
    assert path.read_text() == before
    path.write_text("my,own,table\n")
    with pytest.raises(InputError, match="does not begin with reference,target,caption,time"):
        Feedback(path)
    with pytest.raises(InputError, match="--feedback=.*none/f.csv: No such file"):
        Feedback(tmp_path / "none/f.csv")


def test_a_choice_is_a_line(writing):
    client, path, link, target = writing
    page = client.get(link)
    assert "writes down" in page.text and page.text.count("This is it<") == 5
    sent = client.post(link.replace("/", "/chosen", 1), data={"target": target},
                       headers={"Origin": "http://localhost:8000"})  # fmt: skip
    assert sent.status_code == 303 and "chosen=" in sent.location
    told = client.get(sent.location).text
    assert "Written down: tops/5.png is it" in told and cards(client.get(sent.location))
    assert client.get(sent.location).text == told  # reloaded
    (row,) = rows_of(path)[1:]
    assert row[:3] == ["tops/3.png", "tops/5.png", "is red"] and row[3].endswith("+00:00")


def test_what_is_no_choice_is_refused(writing, shop):
    client, path, link, target = writing
    before = path.read_text()
    chosen = link.replace("/", "/chosen", 1)
    for address, fields, headers in (
        (chosen, {"target": target}, {"Origin": "https://evil.example"}),
        (chosen, {"target": target}, {"Origin": "null"}),
        (chosen, {"target": "99999"}, {}),
        (chosen, {"target": "u0000"}, {}),
        (chosen, {"target": target, "who": "me"}, {}),
        (chosen, {}, {}),
        ("/chosen", {"target": target}, {}),
        (chosen.replace("is+red", ""), {"target": target}, {}),
        (re.sub(r"p=\d+", "p=u0000", chosen), {"target": target}, {}),
        (re.sub(r"p=\d+", f"p={target}", chosen), {"target": target}, {}),
        (chosen.replace("is+red", "%3D%2B"), {"target": target}, {}),
    ):
        assert client.post(address, data=fields, headers=headers).status_code == 400, address
    assert path.read_text() == before
    assert "This is it" not in client.get(link.replace("is+red", "")).text
    assert "This is it" not in shop[0].get(link).text  # off by default
    assert shop[0].post(chosen, data={"target": target}).status_code == 404


def test_a_full_disk_is_said_and_the_page_goes_on(writing, monkeypatch):
    client, path, link, target = writing

    def full(file, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(feedback_module.os, "write", full)
        answer = client.post(link.replace("/", "/chosen", 1), data={"target": target})
    assert answer.status_code == 503 and "Not written down: No space left" in answer.text
    assert len(cards(answer)) == 5 and str(path) not in answer.text
    assert client.get(link).status_code == 200 and len(rows_of(path)) == 1
