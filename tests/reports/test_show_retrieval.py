"""The retrieval sheet and page: the right queries, the hit framed, nothing from outside."""

import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from command_line.errors import InputError
from evaluation.evaluation_set import evaluation_sets
from evaluation.features import find_features
from evaluation.groundtruth import groundtruth_path, save_groundtruth
from reports import canvas, sheet, show_retrieval
from reports.page import page_lines
from reports.retrieval_examples import read_examples
from tests.support.small_features import shoes_truth, write_features

HARD_CAPTION = '<b>red</b> & "small" ' + "x" * 80


@pytest.fixture
def folder(tmp_path):
    """Features with four hits at rank 1, one target at rank 2 of 4 and one at rank 4; one image
    file is missing and one is broken."""
    truth = shoes_truth()
    truth.captions[0] = HARD_CAPTION
    save_groundtruth(groundtruth_path(tmp_path, "", "val"), truth)
    write_features(tmp_path / "features", {"val": truth}, data_path=str(tmp_path))
    place = np.array([[0], [10], [20], [30], [40]], np.float32)
    np.save(tmp_path / "features" / "test_images.npy", place + 1)
    asked = np.array([[1], [11], [21], [31], [32], [60]], np.float32)  # 4: image 3 first, then 4, 2
    np.save(tmp_path / "features" / "query_images.npy", asked)
    images = tmp_path / "attributedata" / "womens_boots" / "0"
    images.mkdir(parents=True)
    for i, name in enumerate(truth.gallery[:4]):
        Image.new("RGB", (30, 60), (60 * i, 0, 0)).save(images / name)
    (images / truth.gallery[3]).write_bytes(b"<html>")
    return tmp_path / "features"


def examples_of(folder, **shown):
    return read_examples(next(evaluation_sets(find_features(folder))), **shown)


def test_examples_follow_the_rules(folder):
    hits, near, failures = examples_of(folder, top=1, counts=(2, 5, 5)).groups
    assert [group.share for group in (hits, near, failures)] == pytest.approx(
        [66.7, 33.3, 0], abs=0.1
    )
    assert [one.caption for one in hits.examples] == [HARD_CAPTION, "caption 3"]  # evenly spaced
    assert [one.rank for one in near.examples] == [2, 4] and failures.examples == []
    one = near.examples[0]
    assert one.reference.endswith("_0.jpg") and one.target.endswith("_4.jpg")
    ((name, distance, correct),) = one.top
    assert name.endswith("_3.jpg") and distance == 1 and not correct


def test_sheet_frames_the_hit(folder, tmp_path):
    path = tmp_path / "results" / "sheet.png"
    sheet.write_sheet(path, examples_of(folder, top=3, counts=(1, 1, 0)))
    picture = Image.open(path).convert("RGB")
    cell, gap = canvas.CELL, canvas.GAP
    x = canvas.MARGIN + cell + gap + canvas.CAPTION + gap
    green = np.all(np.array(picture) == (0x12, 0x83, 0x3A), axis=2)
    columns = np.flatnonzero(green.sum(axis=0) > cell)
    assert columns.min() == x - canvas.FRAME  # the first of the nearest, on its left side
    assert columns.max() < x + cell + gap
    assert [p.name for p in path.parent.iterdir()] == ["sheet.png"]


def test_page_is_self_contained_and_escaped(folder):
    examples = examples_of(folder, top=3, counts=(2, 1, 1))
    page = "\n".join(page_lines(examples))
    assert "&lt;b&gt;red&lt;/b&gt; &amp; &quot;small&quot;" in page and "<b>red" not in page
    assert not re.search(
        r"""(src|href)=["'](?!data:image/jpeg;base64,)|url\(|@import|<script""", page
    )
    correct = sum(hit for g in examples.groups for one in g.examples for _, _, hit in one.top)
    assert page.count('class="hit"') == correct > 0
    assert page.count("<figure") == page.count("</figure>") == 3 * (1 + 3 + 1)
    missing = examples.unreadable()
    assert [name[-5] for name in missing] == ["3", "4"]  # broken, missing
    assert page.count("no file") > 0


def test_captions_are_wrapped_within_their_column():
    draw = ImageDraw.Draw(Image.new("RGB", (10, 10)))
    face = canvas.font(20)
    lines = list(canvas.wrap(draw, HARD_CAPTION + " and more", face, 200))
    assert max(draw.textlength(line, face) for line in lines) <= 200
    assert "".join(lines).replace(" ", "") == (HARD_CAPTION + " and more").replace(" ", "")


class Ruler:
    """Ten pixels a letter; counts the letters it measured."""

    measured = 0

    def textlength(self, text, face):
        self.measured += len(text)
        return 10 * len(text)


def test_a_long_word_costs_no_more_than_its_letters():
    ruler = Ruler()
    lines = list(canvas.wrap(ruler, "x" * 9_999, None, 205))
    assert [len(line) for line in lines] == [20] * 499 + [19]
    assert ruler.measured < 20 * 9_999
    canvas.Canvas(300, 300).caption(0, 0, "x" * 9_999)  # at each size the lines shown, no more


def test_main_writes_both_files(folder, tmp_path, capsys):
    results = tmp_path / "out"
    show_retrieval.main([f"--feature_dir={folder}", f"--results_dir={results}", "--top=3"])
    assert {p.name for p in results.iterdir()} == {
        "retrieval_shoes_val.png",
        "retrieval_shoes_val.html",
    }
    assert "2 of their images have no readable file" in capsys.readouterr().out


@pytest.mark.parametrize("top", [0, -1])
def test_a_page_of_no_images_is_refused(folder, top):
    with pytest.raises(InputError, match=f"--top={top}"):
        show_retrieval.main([f"--feature_dir={folder}", f"--top={top}"])
