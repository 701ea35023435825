"""Checkpoints of the published code: converted they give its features, damaged they are refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import extract_features_val
from checkpointing import convert_published as convert_checkpoint
from checkpointing.published_names import CELL, assign_variables, named_variables
from checkpointing.run import checkpoint_path, load_trained_model, prepare_run
from command_line.errors import InputError
from config import load_config, make_config, model_settings
from datasets.images import load
from datasets.vocabulary import Vocabulary, tokenize
from demo.pretrain_backbone import save_slim_checkpoint
from model import VAL
from tests.support.golden_recipes import draw, images, join_cell, published_shapes
from tests.support.shallow import make_shallow, shallow_net
from tests.support.small_catalogue import write_picture
from tests.support.small_data import small_fashion_iq

GOLDEN = Path(__file__).parents[1] / "golden"
WORDS = ["<UNK>", "is", "red", "a-line", "a", "n't", "b", "reddotmark", "and"]
SMALL = dict(
    image_model="mobilenet_v1_025", image_size=32, word_embedding_size=6, text_embedding_size=8,
    joint_embedding_size=10,
)  # fmt: skip
NAME = "attention1/Conv_3/weights"
AVERAGE = "/ExponentialMovingAverage"


def published(model):
    """A published checkpoint of a model: recipe B's averages, and weights that differ."""
    variables = named_variables(model)
    trained = {name for name, variable in variables.items() if variable.trainable}
    arrays = {
        "global_step": np.int64(50_000),
        "beta1_power": np.float32(0.9),
        "beta2_power": np.float32(0.999),
        "total_loss/avg": np.float32(0.1),
        "add_2/avg": np.float32(0.1),
        "MobilenetV1/Logits/Conv2d_1c_1x1/weights": np.zeros((1, 1, 8, 1000), np.float32),
        "MobilenetV1/Logits/Conv2d_1c_1x1/biases": np.zeros(1000, np.float32),
    }
    for name, shape in published_shapes(variables).items():
        value = draw(name, shape, "B")
        arrays[name] = value
        if name in trained:
            arrays[name] = value * np.float32(0.9)
            arrays[name + AVERAGE] = value
            for slot in ("Adam", "Adam_1"):
                arrays[f"{name}/{slot}"] = np.zeros(shape[-1:], np.float32)
    return arrays


@pytest.fixture(scope="module")
def small():
    """A model with the published word ids: what a converted one has to agree with."""
    with shallow_net():
        return VAL(len(WORDS), **model_settings(make_config(**SMALL)))


@pytest.fixture(scope="module")
def larger():
    """Variables of a model as converted: two more words."""
    with shallow_net():
        return named_variables(VAL(len(WORDS) + 2, **model_settings(make_config(**SMALL))))


@pytest.fixture
def arrays(small, monkeypatch):
    make_shallow(monkeypatch)  # as small
    return published(small)


def convert(folder, arrays, words=WORDS, name="model.ckpt-50000", **settings):
    """Converts arrays into folder / "run"."""
    save_slim_checkpoint(folder / name, arrays)
    return convert_saved(folder, words, name, **settings)


def convert_saved(folder, words=WORDS, name="model.ckpt-50000", **settings):
    folder.mkdir(exist_ok=True)
    (folder / "words.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    paths = dict(published_checkpoint=folder / name, vocabulary=folder / "words.txt")
    flags = {**paths, "checkpoint_dir": folder / "run", **SMALL, **settings}
    convert_checkpoint.main([f"--{flag}={value}" for flag, value in flags.items()])
    return folder / "run"


def values(model):
    return {name: variable.numpy() for name, variable in named_variables(model).items()}


def test_converted_features_are_the_published_graphs(tmp_path):
    """The vocabulary of 50 starts with the published unknown word; ids move by 2."""
    sizes = dict(image_model="mobilenet_v1", image_size=64, word_embedding_size=300,
                 text_embedding_size=1024, joint_embedding_size=512)  # fmt: skip
    model = VAL(50, **model_settings(make_config(**sizes)))
    listing = (GOLDEN / "variables_mobilenet_v1_ml.txt").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in listing.splitlines() if not line.startswith("#")]
    listed = {row[0]: (row[1], row[4]) for row in rows if "Logits" not in row[0]}
    arrays = published(model)
    for name, (shape, trained) in listed.items():
        assert (name + AVERAGE in arrays) == (trained == "True"), name
        if "Conv_2/weights" not in name and "/avg" not in name:  # map size of 224 px; scalars
            assert str(np.shape(arrays[name])) == shape, name
    assert set(published_shapes(named_variables(model))) <= set(listed)

    words = ["<UNK>", *(f"word{i}" for i in range(1, 50))]
    model, _, vocabulary, _ = load_trained_model(convert(tmp_path, arrays, words, **sizes))
    with np.load(GOLDEN / "golden_eval_mobilenet_v1_ml_B_64.npz") as golden:
        tokens, lengths = golden["tokens"], golden["lengths"]
        pictures = images(7, len(tokens), 64, golden["images_sum"])
        for row, length in zip(tokens, lengths, strict=True):
            caption = " ".join(words[token] for token in row[:length])
            assert vocabulary.encode(caption, 64) == list(row[:length] + 2)
        query = model.query_features(pictures, tokens + 2, lengths)
        gallery = model.gallery_features(pictures)
        for ours, theirs in ((query, golden["query_b1"]), (gallery, golden["gallery"])):
            theirs = theirs.reshape(np.shape(ours))
            assert np.linalg.norm(ours - theirs) <= 1e-5 * np.linalg.norm(theirs)


def test_extraction_takes_a_converted_run(small, arrays, tmp_path, capsys):
    """Features of the whole way equal those of the published ids and names, assigned directly."""
    data = small_fashion_iq(tmp_path / "data")
    names = json.loads((data / "image_splits/split.dress.val.json").read_text())
    for seed, name in enumerate(names):
        write_picture(data / f"image_data/dress/{name}.png", seed, (24, 20))
    run = convert(tmp_path, arrays, data_path=data)
    assert f"{len(WORDS)} words, 3 of them" in capsys.readouterr().out
    config = load_config(run)
    assert config.as_published and not config.pretrain_checkpoint_dir
    assert checkpoint_path(run) == str(run / "model.ckpt-50000")

    extract_features_val.main([f"--checkpoint_dir={run}", "--subset=dress"])
    assign_variables(named_variables(small), arrays, "test")
    folder = run / "features/dress"
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    assert len(queries) == 5
    for query, ours in zip(queries, np.load(folder / "query_images.npy"), strict=True):
        words = tokenize(query["caption"])
        ids = np.array([[WORDS.index(word) if word in WORDS else 0 for word in words]])
        image = load(str(data / f"image_data/dress/{query['reference']}.png"), 32, True)
        expected = small.query_features(image[None], ids, np.array([len(words)]))
        np.testing.assert_allclose(ours, np.asarray(expected)[0], atol=1e-5)


def test_raw_takes_the_weights(arrays, tmp_path):
    averaged = values(load_trained_model(convert(tmp_path / "averages", arrays))[0])
    raw = values(load_trained_model(convert(tmp_path / "raw", arrays, raw=True))[0])
    for loaded, suffix in ((averaged, AVERAGE), (raw, "")):
        loaded = join_cell(loaded, bias_shift=1)
        for name in (NAME, f"{CELL}/kernel", f"{CELL}/bias"):
            np.testing.assert_allclose(loaded[name], arrays[name + suffix], 1e-6, 1e-6)
    mean = "projection/text/BatchNorm/moving_mean"
    for loaded in (averaged, raw):
        np.testing.assert_array_equal(loaded[mean], arrays[mean])
    reader = tf.train.load_checkpoint(checkpoint_path(tmp_path / "averages/run"))
    key = f"weights/{NAME.replace('/', '.S')}/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(reader.get_tensor(key), arrays[NAME])

    without = {name: array for name, array in arrays.items() if not name.endswith(AVERAGE)}
    with pytest.raises(InputError, match="holds no averages .*--raw=True"):
        convert(tmp_path, without)
    without["global_step"] = np.int64(70_000)  # counts where the file's name does not
    run = convert(tmp_path, without, raw=True, name="model.ckpt")
    assert checkpoint_path(run) == str(run / "model.ckpt-70000")


DAMAGES = [(d, NAME) for d in ("renamed", "missing", "reshaped", "added", "nan")]
DAMAGES += [("reshaped", f"{CELL}/kernel"), ("reshaped", f"{CELL}/bias")]


@pytest.mark.parametrize("suffix", ["", AVERAGE])
@pytest.mark.parametrize(("damage", "name"), DAMAGES)
def test_what_does_not_fit_is_refused_by_name(larger, arrays, damage, name, suffix):
    array = arrays[name + suffix]
    if damage in ("renamed", "missing"):
        del arrays[name + suffix]
    if damage in ("renamed", "added"):
        arrays[f"{name}_2{suffix}"] = array
    elif damage == "reshaped":
        arrays[name + suffix] = array[..., :-1]
    elif damage == "nan":
        array.flat[0] = np.nan
    parts = convert_checkpoint.convert_arrays(arrays, WORDS, "model.ckpt-5", "words.txt")
    with pytest.raises(InputError, match=f"model.ckpt-5.*{name}"):
        convert_checkpoint.assign_published(larger, *parts, "model.ckpt-5", raw=not suffix)


def test_a_flipped_byte_is_refused_with_its_variable(arrays, tmp_path):
    prefix = tmp_path / "model.ckpt-50000"
    save_slim_checkpoint(prefix, arrays)
    data = Path(f"{prefix}.data-00000-of-00001")
    whole = data.read_bytes()
    ends = np.cumsum([np.asarray(arrays[name]).nbytes for name in sorted(arrays)])
    assert ends[-1] == len(whole)
    for place in np.random.default_rng(0).integers(len(whole), size=3):
        damaged = bytearray(whole)
        damaged[place] ^= 16
        data.write_bytes(damaged)
        name = sorted(arrays)[np.searchsorted(ends, place, side="right")]
        with pytest.raises(InputError, match=f"model.ckpt-50000: .*{name}:"):
            convert_saved(tmp_path)
    assert not (tmp_path / "run").exists()


def test_contradicting_sizes_are_refused_with_both(arrays, tmp_path):
    with pytest.raises(InputError, match=r"words.txt: 8 words, but .*weights.* \(9, 6\)"):
        convert(tmp_path, arrays, WORDS[:-1])
    for setting, sizes in (
        ("word_embedding_size=5", r"token_embedding_weights is \(11, 6\), not \(11, 5\)"),
        ("text_embedding_size=9", r"init_state_0 is \(8,\), not \(9,\)"),
        ("joint_embedding_size=9", r"projection/text/weights is \(1, 1, 8, 10\), not \(1, 1, 8, 9"),
        ("image_size=64", r"attention0/Conv_2/weights is \(2, 2, 1, 1\), not \(4, 4, 1, 1\)"),
    ):
        with pytest.raises(InputError, match=sizes):
            convert_saved(tmp_path, **dict([setting.split("=")]))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "kept", "unknown_row"),
    [
        (["<UNK>", "red", "a-line"], ["<UNK>", "red", "a-line"], 0),
        (["red", "<unk>", "blue"], ["red", "blue"], 1),
        (["<pad>", "<unk>", "red"], ["red"], 1),
        (["red", "unk", "UNK"], ["red", "unk", "UNK"], 2),
        (["red", "blue", "green"], ["red", "blue", "green"], None),
    ],
)
def test_rows_follow_their_words(words, kept, unknown_row):
    embedding = np.arange(1.0, 7).reshape(3, 2)
    ours = convert_checkpoint.convert_embedding(embedding, words)
    vocabulary = convert_checkpoint.convert_vocabulary(words)
    assert vocabulary.words == ["<pad>", "<unk>", *kept]
    assert ours.shape == (len(vocabulary), 2) and np.all(ours[0] == 0)
    np.testing.assert_array_equal(ours[1], 0 if unknown_row is None else embedding[unknown_row])
    for row, word in enumerate(kept, 2):
        np.testing.assert_array_equal(ours[row], embedding[words.index(word)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("red\n\nblue\n", r"words.txt:2: '' is not one word"),
        ("red\nlight blue\n", r"words.txt:2: 'light blue' is not one word"),
        ("red\nblue\nred\n", r"words.txt:3: 'red' is also on line 1"),
        ("", r"words.txt: holds no words"),
    ],
)
def test_bad_word_lists(tmp_path, content, message):
    (tmp_path / "words.txt").write_text(content)
    with pytest.raises(InputError, match=message):
        convert_checkpoint.read_words(tmp_path / "words.txt")


def test_nothing_is_overwritten_and_training_does_not_go_on(arrays, tmp_path):
    run = convert(tmp_path, arrays)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for folder in (run, tmp_path, tmp_path / "words.txt"):
        with pytest.raises(InputError, match=f"--checkpoint_dir={folder}: not an empty folder"):
            convert_saved(tmp_path, checkpoint_dir=folder)
    with pytest.raises(InputError, match="a converted checkpoint, without optimizer state"):
        prepare_run(load_config(run), Vocabulary.load(run / "vocab.txt"))
    assert files == {path: path.read_bytes() for path in files}
    assert len(files) == len([path for path in tmp_path.rglob("*") if path.is_file()])
    source = json.loads((run / "converted.json").read_text())
    assert source["values"] == "averages" and source["published_checkpoint"].endswith("-50000")
