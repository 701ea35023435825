"""datasets/check_data.py on small data sets with known gaps, and on the real annotations."""

import json

import pytest
from PIL import Image

import datasets
from datasets import check_data
from tests.support.small_data import ANNOTATIONS, real, small_fashion200k, small_fashion_iq, write


def draw_images(dataset, root):
    """A picture, each of its own colour, for every image that a data set names."""
    needed = {n: p for p in check_data.read_parts(dataset, root) for n in check_data._needed(p)}
    for i, (name, part) in enumerate(sorted(needed.items(), key=lambda item: item[0])):
        path = root / (f"image_data/{part.subset}/{name}.jpg" if part.subset else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (i * 40 % 256, i, 99)).save(path)


def run(capsys, dataset, root, *flags):
    code = check_data.main([f"--dataset={dataset}", f"--data_path={root}", "--json", *flags])
    report = json.loads(capsys.readouterr().out)
    assert code == (not report["complete"]) and report["complete"] == (not report["problems"])
    return report


def test_complete(tmp_path, capsys):
    root = small_fashion200k(tmp_path)
    draw_images("fashion200k", root)
    report = run(capsys, "fashion200k", root, "--released=False", "--decode=True")
    assert report["complete"] and report["images"]["val"]["gallery"] == 3
    flags = ["--dataset=fashion200k", f"--data_path={root}", "--released=False"]
    assert check_data.main(flags) == 0
    assert capsys.readouterr().out.endswith("complete\n")
    report = run(capsys, "fashion200k", root)
    assert report["problems"][0] == "train images: 2 instead of 172,049"


def test_gaps(tmp_path, capsys):
    root = small_fashion_iq(tmp_path)
    draw_images("fashion_iq", root)
    (root / "image_data/dress/DV00000001.jpg").unlink()  # target of all three val queries
    (root / "image_data/shirt/ST00000000.jpg").write_bytes(b"<html>")  # reference of one triplet
    (root / "image_data/shirt/SV00000005.jpg").write_bytes(b"")  # in the original gallery only
    copied = (root / "image_data/toptee/TV00000004.jpg").read_bytes()
    (root / "image_data/toptee/TV00000003.jpg").write_bytes(copied)

    found = run(capsys, "fashion_iq", root, "--released=False")
    assert found["missing"] == ["DV00000001"] and found["unreadable"] == {}
    images = run(capsys, "fashion_iq", root, "--released=False", "--decode")
    assert list(images["unreadable"].values()) == ["HTML or XML page", "empty file"]
    assert images["problems"][0] == "1 images missing: DV00000001"
    touched = {
        name: (part["missing"], part["unreadable"], part["rows_touched"], part["gallery_touched"])
        for name, part in images["images"].items()
        if part["missing"] or part["unreadable"]
    }
    assert touched == {
        "train shirt": (0, 1, 1, 0),
        "val dress": (1, 0, 3, 1),
        "original dress": (1, 0, 2, 1),
        "original shirt": (0, 1, 0, 1),
    }
    assert images["duplicates"]["original toptee: images with the bytes of another"] == 1
    assert images["duplicates"]["val toptee: images with the bytes of another"] == 0
    assert images["captions"]["blank, in training (skipped)"] == 3
    assert images["captions"]['with ";"'] == 6 == images["captions"]["not ASCII"]


def test_placeholders(tmp_path, capsys):
    root = small_fashion_iq(tmp_path)
    draw_images("fashion_iq", root)
    Image.new("P", (1, 1)).save(root / "image_data/dress/DT00000000.jpg", "GIF")
    names = [f"SV0000000{i}" for i in range(4)]
    picture = (root / "image_data/shirt/SV00000000.jpg").read_bytes()
    for name in names:
        write(root / f"image_data/shirt/{name}.jpg", picture)
    same = f"4 images have the same bytes from different URLs: {', '.join(names[:3])}, ..."
    report = run(capsys, "fashion_iq", root, "--released=False", "--decode")
    path = f"{root}/image_data/dress/DT00000000.jpg"
    assert report["problems"] == [f"1 images tiny: {path}", f"{same}; look at one"]
    assert report["tiny"] == {path: "smaller than 8 pixels a side"}
    assert report["shared"] == [names]
    urls = "".join(f"{name} \t http://x/{int(name[-1]) // 2}\n" for name in names)
    write(root / "image_url/asin2url.shirt.txt", urls)
    (root / "image_data/dress/DT00000000.jpg").unlink()
    report = run(capsys, "fashion_iq", root, "--released=False", "--decode")
    assert report["shared"] == [] and "; looked" not in report["problems"][0]


def test_broken_annotations_are_a_problem(tmp_path, capsys):
    root = small_fashion_iq(tmp_path)
    (root / "captions/cap.shirt.val.json").write_text("[")
    (problem,) = run(capsys, "fashion_iq", root)["problems"]
    assert "cap.shirt.val.json:1" in problem
    (problem,) = run(capsys, "shoes", root)["problems"]
    assert "bash scripts/prepare_data.sh shoes" in problem
    assert check_data.main(["--dataset=shoes", f"--data_path={root}"]) == 1


@real
@pytest.mark.parametrize("dataset", ["fashion_iq", "shoes"])
def test_released_counts(capsys, dataset):
    report = run(capsys, dataset, ANNOTATIONS / dataset)
    assert len(report["problems"]) == 1 and "images missing" in report["problems"][0]
    assert len(report["missing"]) == (40_151 if dataset == "fashion_iq" else 8_479 + 4_658)
    for name, part in report["images"].items():
        assert part["missing"] == part["needed"], name
    assert set(report["counts"]) == set(datasets.READERS[dataset].RELEASED)
