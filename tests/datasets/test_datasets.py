"""The readers against the real annotations (exact counts), every image layout, and bad files."""

import inspect
import json
import re
import time

import pytest

import datasets
from command_line.errors import InputError
from config import make_config
from datasets import fashion_iq, shoes
from datasets.fashion200k import modification, read_fashion200k
from datasets.fashion_iq import CATEGORIES, read_fashion_iq, tag_text
from datasets.fashion_iq_images import plan
from datasets.find_images import image_paths, require_images
from datasets.vocabulary import Vocabulary
from tests.support.small_data import (
    FASHION_IQ,
    SHOES,
    real,
    small_fashion200k,
    small_fashion_iq,
    write,
)
from training.examples import side_text_examples


@real
def test_fashion_iq_training_captions():
    start = time.process_time()
    triplets = fashion_iq.read_training(FASHION_IQ).given
    val = [datasets.read_benchmark("fashion_iq", FASHION_IQ, c) for c in CATEGORIES]
    assert time.process_time() - start < 2
    assert len(triplets) == 35_988
    assert fashion_iq.count_empty_captions(FASHION_IQ, "train") == 12
    assert fashion_iq.count_empty_captions(FASHION_IQ, "val") == 3
    rows = read_fashion_iq(FASHION_IQ, "shirt", "train")
    released = json.loads((FASHION_IQ / "captions/cap.shirt.train.json").read_bytes())
    assert ";" in rows[1142][2][0] and rows[1142][2][0] == released[1142]["captions"][0].strip()
    assert ";" in rows[3065][2][0]
    odd = [t.caption for t in triplets if not t.caption.isascii()]
    odd += [q.caption for b in val for q in b.queries if not q.caption.isascii()]
    assert odd == ["Is ombré blue with a flare bottom", "They’re coverup cutlets & not clothes"]


@real
def test_shoes_counts(tmp_path):
    train = shoes.read_training(SHOES).given
    benchmark = datasets.read_benchmark("shoes", SHOES)
    assert (len(train), len(benchmark.queries), len(benchmark.gallery)) == (8990, 1761, 4658)
    pairs = [(t.reference, t.target) for t in train]
    pairs += [(q.reference, q.targets[0]) for q in benchmark.queries]
    assert sum(reference == target for reference, target in pairs) == 27
    for name in datasets.READERS["shoes"].ANNOTATIONS:
        (tmp_path / name).write_bytes((SHOES / name).read_bytes())
    names = (SHOES / "eval_im_names.txt").read_text().splitlines()
    (tmp_path / "eval_im_names.txt").write_text("\n".join(names[:4621]))
    shorter = datasets.read_benchmark("shoes", tmp_path)
    assert (len(shorter.queries), len(shorter.gallery)) == (1761, 4642)


@real
def test_side_texts():
    assert len(shoes.read_side_texts(SHOES)) == 3000  # of 3,600; 600 are of test images
    texts = fashion_iq.read_side_texts(FASHION_IQ)
    assert {text.subset for text in texts} == set(CATEGORIES)
    assert max(len(text.caption.split()) for text in texts) == 20
    wanted = {job.asin for job in plan(FASHION_IQ, everything=False)}
    missing = {text.name for text in texts} - wanted
    assert len(missing) == 12_942 and missing <= {job.asin for job in plan(FASHION_IQ, True)}
    config = make_config(dataset="fashion_iq", data_path=str(FASHION_IQ))
    with pytest.raises(InputError, match="7741 dress images .*download_fashion_iq.py --all"):
        side_text_examples(config, Vocabulary.build([]))


def test_tag_text():
    tags = [["dress"], [], ["Red", "knee length"], ["red", "hem"]]
    assert tag_text(tags, "here") == "red hem knee length dress"
    assert tag_text([[f"w{i}" for i in range(30)]], "here").split()[0] == "w10"
    with pytest.raises(InputError, match="here"):
        tag_text([3], "here")


def test_fashion_iq_texts(tmp_path):
    root = small_fashion_iq(tmp_path)
    assert [t.caption for t in fashion_iq.read_training(root).given][:3] == ["is red", "a; b", "é"]
    original = datasets.read_benchmark("fashion_iq", root, "dress", "original")
    assert [q.caption for q in original.queries] == ["is red", "a; b and é"]
    assert len(original.gallery) == 6
    assert fashion_iq.count_empty_captions(root, "val") == 3


@pytest.mark.parametrize("prefix", ["women/", ""])
def test_fashion200k(tmp_path, prefix):
    root = small_fashion200k(tmp_path, prefix)
    images = read_fashion200k(root, "train")
    assert images[0][:2] == ("women/d/x/1/1_0.jpeg", "red long dress")
    (query,), gallery = datasets.read_benchmark("fashion200k", root)
    assert query.caption == "replace red with blue"
    assert query.targets == ("women/d/x/4/4_0.jpeg", "women/t/x/5/5_0.jpeg")
    assert gallery == ["women/d/x/3/3_0.jpeg", *query.targets]


def test_modification_without_an_own_word():
    assert modification("red dress", "dress red") == "replace dress with red"
    assert modification("red dress", "dark red dress") == "replace dress with dark"


@pytest.mark.parametrize(
    ("dataset", "name", "place"),
    [
        ("fashion_iq", "B000000001", "image_data/shirt/B000000001.jpg"),
        ("fashion_iq", "B000000001", "image_data/toptee/B000000001.jpg"),  # same URL, same picture
        ("fashion_iq", "B000000001", "images/B000000001.png"),
        ("fashion_iq", "B000000001", "shirt/B000000001.jpg"),
        ("fashion_iq", "B000000001", "images/dress/B000000001.JPEG"),
        ("fashion_iq", "B000000001", "resized_image/B000000001.webp"),
        ("fashion_iq", "B000000001", "image_data/B000000001.JPG"),
        ("shoes", "img_womens_high_heels_1838.jpg", "attributedata/womens_high_heels/1/{}"),
        ("shoes", "img_womens_flats_38.jpg", "womens_flats/0/img_womens_flats_38.jpg"),
        ("shoes", "img_womens_flats_38.jpg", "womens_flats/img_womens_flats_38.jpg"),
        ("shoes", "img_womens_flats_38.jpg", "attributedata/img_womens_flats_38.jpg"),
        ("shoes", "img_womens_flats_38.jpg", "Images/womens_flats/img_womens_flats_38.JPG"),
        ("fashion200k", "women/d/x/1/1_0.jpeg", "women/d/x/1/1_0.jpg"),
        ("fashion200k", "women/d/x/1/1_0.jpeg", "women/d/x/1/1_0.jpeg"),
        ("fashion200k", "women/d/x/1/1_0.jpeg", "d/x/1/1_0.jpeg"),
    ],
)
def test_layouts(tmp_path, dataset, name, place):
    subset = "shirt" if dataset == "fashion_iq" else ""
    names, path = [name, "img_womens_flats_39.jpg"], tmp_path / place.format(name)
    assert image_paths(dataset, tmp_path, names, subset) == {}
    write(path, "")
    assert image_paths(dataset, tmp_path, names, subset) == {name: path}


def test_of_several_files_the_exact_one_comes_first(tmp_path):
    name, files = "women/d/1_0.jpeg", ["1_0.jpeg", "1_0.JPG", "1_0.JPEG", "1_0.png", "1_0.txt"]
    for file in files:
        write(tmp_path / "women/d" / file, "")
    for file in files[:-1]:
        assert image_paths("fashion200k", tmp_path, [name]) == {name: tmp_path / "women/d" / file}
        (tmp_path / "women/d" / file).unlink()
    assert image_paths("fashion200k", tmp_path, [name]) == {}


def test_names_may_carry_an_ending(tmp_path):
    """In all files of a copy, or in the lists of images alone."""
    root = small_fashion_iq(tmp_path)
    expected = fashion_iq.read_training(root), datasets.read_benchmark("fashion_iq", root, "shirt")
    for pattern in ("image_splits/*.json", "captions/*.json"):
        for path in root.glob(pattern):
            path.write_text(re.sub(r"([DST][TV]\d{8})", r"\1.jpg", path.read_text()))
        found = fashion_iq.read_training(root), datasets.read_benchmark("fashion_iq", root, "shirt")
        assert found == expected


def test_missing_images_say_where_they_were_looked_for(tmp_path):
    config = make_config(dataset="fashion_iq", data_path=str(tmp_path))
    names = [f"B00000000{i}" for i in range(8)]
    looked = "for image_data/dress/B000000000 .any picture's ending., and in dress, image_data, .*"
    with pytest.raises(InputError, match=f"{looked}, toptee; there are: no pictures; train with"):
        require_images(config, "dress", names)
    write(tmp_path / "photos/large/B000000000.png", "")
    with pytest.raises(InputError, match=f"{looked}there are: photos/large/B000000000.png; train"):
        require_images(config, "dress", names)
    more = [f"C0000000{i}" for i in range(10, 20)]
    for name in names[1:] + more:
        write(tmp_path / f"images/{name}.jpg", "")
    with pytest.raises(InputError, match="1 of 18 dress images are missing .first: B000000000.; t"):
        require_images(config, "dress", names, more)


def test_own_category_comes_first(tmp_path):
    for category in ("shirt", "toptee"):
        write(tmp_path / f"image_data/{category}/B1.jpg", "")
    (path,) = image_paths("fashion_iq", tmp_path, ["B1"], "toptee").values()
    assert path.parent.name == "toptee"


@pytest.mark.parametrize("dataset", datasets.READERS)
def test_a_reader_offers_what_is_promised(dataset):
    reader, promised = datasets.READERS[dataset], datasets.__doc__.partition("Every reader has")[2]
    functions = re.findall(r"^  (\w+)(\(.*?\))  ", promised, re.MULTILINE)
    constants = re.findall(r"\b[A-Z][A-Z_]{4,}\b", promised)
    assert len(functions) == 6 and len(constants) == 11
    for name, parameters in functions:
        assert str(inspect.signature(getattr(reader, name))) == parameters, name
    names = [*constants, "read_urls", "read_values", "read_table"]
    assert [name for name in names if not hasattr(reader, name)] == []


@pytest.mark.parametrize("dataset", datasets.READERS)
def test_require_data_says_what_to_do(tmp_path, dataset):
    prepare = datasets.READERS[dataset].PREPARE
    assert dataset in prepare
    with pytest.raises(InputError, match=re.escape(prepare)) as error:
        datasets.require_data(dataset, tmp_path)
    annotations = datasets.READERS[dataset].ANNOTATIONS
    assert error.value.exit_code == 2 and annotations[0] in str(error.value)
    for name in annotations:
        write(tmp_path / name, "")
    datasets.require_data(dataset, tmp_path, images=False)
    with pytest.raises(InputError, match="no images"):
        datasets.require_data(dataset, tmp_path)
    (tmp_path / datasets.READERS[dataset].IMAGE_FOLDERS[0]).mkdir()
    datasets.require_data(dataset, tmp_path)
