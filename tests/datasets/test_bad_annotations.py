"""Bad annotation files: one message that names file, line or entry, and key. Property tests."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import datasets
from command_line.errors import InputError
from datasets import fashion_iq, shoes
from datasets.fashion200k import read_fashion200k
from datasets.fashion_iq import read_fashion_iq
from datasets.find_images import image_paths
from datasets.released_files import check_name, read_json, read_lines, read_names
from datasets.shoes import read_shoes
from tests.support.small_data import maybe_input_error, small_fashion200k, small_fashion_iq, write

CAPTIONS = "captions/cap.dress.train.json"
GOOD = {"candidate": "DT00000000", "target": "DT00000001", "captions": ["red"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[\n{"candidate": "DT00000000", "tar', r"dress\.train\.json:2:.*cut short"),
        ('{"candidate": 1}', r"dress\.train\.json: holds a dict, not a list"),
        ("[[]]", r"dress\.train\.json: entry 0 .*not an object"),
        ("[" * 100_000, r"dress\.train\.json: not readable as JSON"),
        ([GOOD, {"candidate": "DT00000000", "captions": []}], 'entry 1 .*no key "target"'),
        ([{**GOOD, "captions": "red"}], 'entry 0.*"captions" is not a list'),
        ([{**GOOD, "captions": ["red", 3]}], "entry 0: caption '3' is not a string"),
        ([{**GOOD, "captions": ["x" * 10_000_000]}], "entry 0: caption of 10000000 characters"),
        ([{**GOOD, "captions": ["\ud800"]}], "entry 0: caption .*surrogate"),
        ([{**GOOD, "target": "B00UNKNOWN"}], r"ASIN B00UNKNOWN is not in split\.dress\.train"),
        ([{**GOOD, "target": "../../etc/passwd"}], "'../../etc/passwd' may lead out"),
        ([{**GOOD, "target": "a\\b"}], r"entry 0: image name 'a\\\\b' has a backslash"),
        ([{**GOOD, "target": 7}], "entry 0: image name '7' is not a string"),
        (b'[\n\n{"candidate": "caf\xe9"}]', r"cap\.dress\.train\.json:3: not UTF-8"),
        ("[]", r"cap\.dress\.train\.json: no entries"),
    ],
)
def test_bad_captions(tmp_path, content, message):
    root = small_fashion_iq(tmp_path)
    write(root / CAPTIONS, content)
    with pytest.raises(InputError, match=message) as error:
        fashion_iq.read_training(root)
    assert CAPTIONS in str(error.value) and len(str(error.value)) < 400


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"split\.dress\.val\.json: No such file"):
        datasets.read_benchmark("fashion_iq", tmp_path, "dress")


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("labels/a_test_detect_all.txt", "women/d/x/9/9.jpeg\t0.9", ":3: 2 columns"),
        ("labels/a_test_detect_all.txt", "\nwomen/d/x/9/9.jpeg\t0.9\ta", ":3: 1 columns"),
        ("labels/a_test_detect_all.txt", "women/../../x.jpeg\t0.9\ta", ":3: .*may lead out"),
        ("labels/a_test_detect_all.txt", "/etc/x.jpeg\t0.9\ta", ":3: .*may lead out"),
        ("test_queries.txt", "women/d/x/3/3_0.jpeg", ":2: 1 columns"),
        ("test_queries.txt", "women/d/x/3/3_0.jpeg women/d/x/9/9.jpeg", ":2: .*9.jpeg is in no"),
    ],
)
def test_bad_fashion200k(tmp_path, file, line, message):
    root = small_fashion200k(tmp_path)
    with (root / file).open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(InputError, match=file + message):
        datasets.read_benchmark("fashion200k", root)


def test_bad_shoes(tmp_path):
    row = {"ImageName": "a.jpg", "ReferenceImageName": "b.jpg", "RelativeCaption": "red"}
    write(tmp_path / "train_im_names.txt", "a.jpg\nb.jpg\n")
    write(tmp_path / "relative_captions_shoes.json", [row, {**row, "ReferenceImageName": "c.jpg"}])
    with pytest.raises(InputError, match=r"entry 1: c\.jpg and a\.jpg are of different splits"):
        shoes.read_training(tmp_path)
    write(tmp_path / "train_im_names.txt", "a.jpg\n\nb.jpg\n")
    with pytest.raises(InputError, match=r"train_im_names\.txt:2: image name ''"):
        shoes.read_training(tmp_path)


def test_image_names_that_no_folder_can_hold(tmp_path):
    with pytest.raises(InputError, match="File name too long"):
        image_paths("fashion200k", tmp_path, [f"women/{'é' * 200}/x.jpeg"])
    for name in ("../x.jpeg", "/etc/passwd", "women/../../x.jpeg"):
        with pytest.raises(InputError, match="may lead out"):
            image_paths("fashion200k", tmp_path, [name])
    (tmp_path / "image_data/dress").mkdir(parents=True)
    (tmp_path / "x.jpg").write_bytes(b"")
    assert image_paths("fashion_iq", tmp_path, ["../../x", str(tmp_path / "x")]) == {}
    assert image_paths("shoes", tmp_path, ["../x.jpg", "x.jpg"]) == {}


def test_unknown_subset_and_protocol(tmp_path):
    with pytest.raises(InputError, match="--subset=coat"):
        datasets.read_benchmark("fashion_iq", tmp_path, "coat")
    with pytest.raises(InputError, match="--protocol=original"):
        datasets.read_benchmark("shoes", tmp_path, protocol="original")


@given(st.binary(max_size=200))
def test_any_bytes_give_json_or_input_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("json") / "x.json"
    path.write_bytes(content)
    with maybe_input_error(re.escape(str(path))):
        assert isinstance(read_json(path, list), list)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1)))
def test_lines_come_back(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("lines") / "x.txt"
    for end in ("\n", "\r\n"):
        path.write_bytes("".join(line + end for line in lines).encode())
        expected = [lines[0].removeprefix("\ufeff"), *lines[1:]] if lines else []
        assert read_lines(path) == (expected if expected != [""] else [])


@given(st.text(max_size=30))
def test_a_name_never_leaves_the_folder(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp() / "data"
    for folders in (False, True):
        try:
            check_name(name, "here", folders)
        except InputError:
            continue
        path = (root / name).resolve()
        assert path != root and path.is_relative_to(root) and (folders or path.parent == root)


entry = st.fixed_dictionaries(
    {},
    optional={
        "candidate": st.sampled_from(["DT00000000", "DT00000001", "x/../y", 3]),
        "target": st.sampled_from(["DT00000002", "", None]),
        "captions": st.one_of(st.none(), st.lists(st.one_of(st.text(max_size=8), st.integers()))),
    },
)


@given(st.lists(entry, max_size=4))
def test_any_entries_give_triplets_or_input_error(tmp_path_factory, entries):
    root = small_fashion_iq(tmp_path_factory.getbasetemp() / "fashion_iq")
    write(root / CAPTIONS, entries)
    with maybe_input_error(re.escape(CAPTIONS)):
        rows = read_fashion_iq(root, "dress", "train")
        assert [row[2] for row in rows] == [[c.strip() for c in e["captions"]] for e in entries]


label = st.text(st.sampled_from("ab/.\t \n\\é"), max_size=12)


@given(st.lists(label, max_size=4))
def test_any_label_lines_give_images_or_input_error(tmp_path_factory, lines):
    root = tmp_path_factory.getbasetemp() / "fashion200k"
    write(root / "labels/x_train_detect_all.txt", "\n".join(lines))
    with maybe_input_error(r"x_train_detect_all\.txt:"):
        images = read_fashion200k(root, "train")
        assert all(image.name.startswith("women/") for image in images)


@given(st.lists(st.sampled_from(["women/d/x/3/3_0.jpeg", " ", "\n", "x", "../y", "\t"])))
def test_any_queries_give_a_benchmark_or_input_error(tmp_path_factory, pieces):
    root = small_fashion200k(tmp_path_factory.getbasetemp() / "queries")
    write(root / "test_queries.txt", "".join(pieces))
    with maybe_input_error(r"test_queries\.txt:"):
        benchmark = datasets.read_benchmark("fashion200k", root)
        assert all(set(query.targets) <= set(benchmark.gallery) for query in benchmark.queries)


shoe = st.fixed_dictionaries(
    {},
    optional={
        "ImageName": st.sampled_from(["a.jpg", "b.jpg", "../c.jpg", 1]),
        "ReferenceImageName": st.sampled_from(["a.jpg", "b.jpg"]),
        "RelativeCaption": st.one_of(st.text(max_size=5), st.none()),
    },
)


@given(st.lists(shoe, max_size=3))
def test_any_shoes_give_triplets_or_input_error(tmp_path_factory, entries):
    root = tmp_path_factory.getbasetemp() / "shoes"
    write(root / "train_im_names.txt", "a.jpg\n")
    write(root / "relative_captions_shoes.json", entries)
    with maybe_input_error("relative_captions_shoes.json: (no entries|entry)"):
        found = [t for split in ("train", "val") for t in read_shoes(root, split)]
        assert len(found) == len(entries)


def test_names_file(tmp_path):
    write(tmp_path / "names.txt", "\ufeffa.jpg \r\nb.jpg\r\n\r\n")
    assert read_names(tmp_path / "names.txt") == ["a.jpg", "b.jpg"]


def test_entries_without_captions_count_as_empty(tmp_path):
    root = small_fashion_iq(tmp_path)
    before = fashion_iq.count_empty_captions(root, "train")
    entries = json.loads((root / CAPTIONS).read_text())
    write(root / CAPTIONS, [{**entries[0], "captions": []}, *entries[1:]])
    blank = sum(not caption.strip() for caption in entries[0]["captions"])
    assert fashion_iq.count_empty_captions(root, "train") == before - blank + 1
