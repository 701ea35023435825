"""The demo data as files: the same bytes each time, the released formats, clean splits."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import datasets
from command_line.errors import InputError
from datasets.fashion200k import read_fashion200k
from datasets.find_images import image_paths
from demo import generate_demo_data as demo
from demo.garments import held_out

ROOT = Path(__file__).parents[2]
RELEASED = ROOT.parent / "shared" / "annotations"
TINY = 20


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    demo.main([f"--data_path={folder}", f"--triplets={TINY}"])
    return folder


@pytest.fixture(scope="module")
def full():
    """{dataset: (pictures, files)} of the default size, not drawn."""
    return {name: build(0, demo.FULL_SIZE) for name, build in demo.DATASETS.items()}


def digest(folder):
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    content = b"".join(str(p.relative_to(folder)).encode() + p.read_bytes() for p in found)
    return len(found), hashlib.sha256(content).hexdigest()


def command(*flags, **environment):
    argv = [sys.executable, "-m", "demo.generate_demo_data", *flags]
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, **environment}, capture_output=True)


def test_same_bytes_in_another_process_other_bytes_with_another_seed(tiny, tmp_path):
    flags = [f"--data_path={tmp_path}", f"--triplets={TINY}"]
    assert command(*flags, PYTHONHASHSEED="7").returncode == 0
    assert digest(tmp_path) == digest(tiny)
    assert command(*flags, "--seed=1", "--dataset=shoes").returncode == 0
    assert digest(tmp_path / "shoes") != digest(tiny / "shoes")


def test_already_drawn_is_left_half_drawn_is_drawn_again(tiny, tmp_path, monkeypatch):
    assert demo.generate(tiny, "shoes", 0, TINY) is False

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_draw_pictures", killed)
    with pytest.raises(KeyboardInterrupt):
        demo.generate(tmp_path, "shoes", 0, TINY)
    assert not (tmp_path / "shoes").exists()
    monkeypatch.undo()
    assert demo.generate(tmp_path, "shoes", 0, TINY) is True
    assert digest(tmp_path / "shoes") == digest(tiny / "shoes")
    assert demo.generate(tmp_path, "shoes", 3, TINY) is True  # other settings: drawn anew
    assert [path.name for path in tmp_path.iterdir()] == ["shoes"]


def test_a_file_or_a_folder_of_something_else_is_refused(tmp_path):
    precious = tmp_path / "shoes" / "train_im_names.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    with pytest.raises(InputError, match="no demo data"):
        demo.generate(tmp_path, "shoes", 0, TINY)
    with pytest.raises(InputError, match=f"{precious}"):
        demo.main([f"--data_path={precious}"])
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("flag", ["--seed=-1", "--triplets=3", "--triplets=2e3", "--dataset=x"])
def test_bad_flag(flag, tmp_path):
    with pytest.raises(InputError, match=flag.split("=")[0]) as stopped:
        demo.main([f"--data_path={tmp_path}", flag])
    assert stopped.value.exit_code == 2
    assert not any(tmp_path.iterdir())


def test_readers_take_the_drawn_data(tiny):
    for dataset, count in (("fashion_iq", 3 * 2 * TINY), ("shoes", round(2000 / 1800 * TINY))):
        path = tiny / dataset
        datasets.require_data(dataset, path)
        assert len(datasets.READERS[dataset].read_training(path).given) == count
        for subset in datasets.subsets(dataset):
            benchmark = datasets.read_benchmark(dataset, path, subset)
            found = image_paths(dataset, path, benchmark.gallery, subset)
            assert set(found) == set(benchmark.gallery)
    images = read_fashion200k(tiny / "fashion200k", "train")
    found = image_paths("fashion200k", tiny / "fashion200k", [i.name for i in images])
    assert len(found) == 100
    benchmark = datasets.read_benchmark("fashion200k", tiny / "fashion200k")
    assert len(benchmark.queries) >= 10 and len(benchmark.gallery) == 60


def test_every_picture_is_a_small_jpeg(tiny):
    pictures = [*tiny.rglob("*.jpg"), *tiny.rglob("*.jpeg")]
    assert len(pictures) == 3 * (17 + 12 + 4) + (17 + 8 + 4) + (100 + 60)
    for path in pictures:
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (96, 96))


@pytest.mark.skipif(not RELEASED.exists(), reason="no ../shared/annotations")
@pytest.mark.parametrize(
    "name",
    [
        "fashion_iq/captions/cap.dress.val.json",
        "fashion_iq/image_splits/split.dress.val.json",
        "fashion_iq/image_tag_dataset/tags/asin2attr.dress.val.json",
        "fashion_iq/image_tag_dataset/image_url/asin2url.dress.txt",
        "shoes/relative_captions_shoes.json",
        "shoes/captions_shoes.json",
        "shoes/eval_im_names.txt",
    ],
)
def test_layout_of_the_released_files(full, name):
    """Names, words and numbers blotted out, the drawn files begin and end as the released ones."""

    def shape(text):
        text = re.sub(r'\[\s*(?:"[^"]*",?\s*)*\]', "[words]", text)
        text = re.sub(r': "[^"]*"', ': "value"', text)
        text = re.sub(r"http\S+", "url", text)
        return re.sub(r'("?)(B|DEMO)[A-Z0-9]{5,}|img_womens_\w+', r"\1name", text)

    dataset, path = name.split("/", 1)
    ours, theirs = shape(full[dataset][1][path]), shape((RELEASED / name).read_text())
    assert (ours[:60], ours[-10:]) == (theirs[:60], theirs[-10:])


def test_fashion200k_lines(full):
    _, files = full["fashion200k"]
    labels_ = [row for name in files if "labels/" in name for row in files[name].splitlines()]
    row = re.compile(r"women/\w+/\w+/(\d{8})/\1_[0-4]\.jpeg\t[01]\.\d{6}\t[a-z]+( [a-z]+){3,5}")
    assert len(labels_) == 5000 and all(row.fullmatch(line) for line in labels_)
    assert len({line.split("\t")[0] for line in labels_}) == 5000


@pytest.mark.parametrize("name", ["dress", "shirt", "toptee"])
def test_fashion_iq_splits(full, name):
    pictures, files = full["fashion_iq"]
    triplets = {s: json.loads(files[f"captions/cap.{name}.{s}.json"]) for s in ("train", "val")}
    split = {s: json.loads(files[f"image_splits/split.{name}.{s}.json"]) for s in triplets}
    used = {s: [row[k] for row in t for k in ("candidate", "target")] for s, t in triplets.items()}
    assert [len(triplets[s]) for s in triplets] == [1800, 500]
    assert [len(split[s]) for s in split] == [1500, 1200]
    assert len(set(used["val"])) == 1000 and set(used["val"]) <= set(split["val"])
    assert set(used["train"]) == set(split["train"])
    garments = {Path(p.path).stem: p.garment for p in pictures if f"/{name}/" in p.path}
    shown = {s: {garments[asin] for asin in split[s]} for s in split}
    assert len(shown["val"]) == 1200 and not shown["val"] & shown["train"]
    assert not any(map(held_out, shown["train"])) and sum(map(held_out, shown["val"])) > 100
    words = {"train": set(), "val": set()}
    for s, rows in triplets.items():
        for row in rows:
            a, b = garments[row["candidate"]], garments[row["target"]]
            assert 1 <= sum(x != y for x, y in zip(a, b, strict=True)) <= 3
            assert len(set(row["captions"])) == 2
            words[s].update(" ".join(row["captions"]).split())
    assert words["val"] <= words["train"]


def test_shoes_splits(full):
    pictures, files = full["shoes"]
    garments = {Path(p.path).name: p.garment for p in pictures}
    train, val = (files[f"{s}_im_names.txt"].split() for s in ("train", "eval"))
    rows = json.loads(files["relative_captions_shoes.json"])
    inside = [r["ImageName"] in set(val) for r in rows]
    assert [(r["ReferenceImageName"] in set(val)) for r in rows] == inside
    assert (len(train), len(val), len(rows), sum(inside)) == (1500, 900, 2400, 400)
    assert not {garments[n] for n in train} & {garments[n] for n in val}
    assert len({garments[n] for n in val}) == 900


def test_fashion200k_queries_change_one_word(full):
    _, files = full["fashion200k"]
    captions = {"train": {}, "test": {}}
    for name, text in files.items():
        if name.startswith("labels/"):
            rows = [line.split("\t") for line in text.splitlines()]
            captions[name.split("_")[1]].update({path: caption for path, _, caption in rows})
    assert not set(captions["train"].values()) & set(captions["test"].values())
    queries = [line.split(" ") for line in files["test_queries.txt"].splitlines()]
    assert len(queries) == 500
    test = captions["test"]
    for reference, target in queries:
        before, after = test[reference].split(), test[target].split()
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
        assert 2 <= list(test.values()).count(test[target])


@pytest.mark.parametrize("name", ["fashion_iq", "shoes", "fashion200k"])
def test_tuning_garments_are_shown_nowhere_else(full, name):
    pictures, _ = full[name]
    tuning, files = full[f"{name}_tuning"]
    shown = {picture.garment for picture in pictures}
    assert len(tuning) >= 400 and not shown & {picture.garment for picture in tuning}
    training = {n: text for n, text in files.items() if ".train.json" in n or "_train_" in n}
    assert all(text.strip() in ("", "[]", "{}") for text in training.values())
