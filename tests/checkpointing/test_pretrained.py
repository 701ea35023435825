"""Slim ImageNet checkpoints and their damage: every variable has one source, or it is named."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from checkpointing.published_names import (
    CELL,
    named_variables,
    read_checkpoint,
    restore_image_encoder,
    split_cell,
)
from command_line.errors import InputError
from demo.pretrain_backbone import save_slim_checkpoint
from model import image_encoder
from nets.mobilenet_v1 import mobilenet_v1
from nets.resnet_v2 import resnet_v2_50
from tests.support.shallow import make_shallow


@pytest.fixture(scope="module")
def mobilenet():
    return mobilenet_v1(64, 0.25, 0.9, 0.0)


def slim_arrays(net, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=variable.shape).astype(np.float32)
        for name, variable in named_variables(net).items()
    }


def save(prefix, arrays):
    save_slim_checkpoint(prefix, arrays)
    return prefix


def save_v1(path, arrays):
    """A checkpoint in the single-file format of resnet_v2_50.ckpt."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = [
            tf.compat.v1.Variable(array, name=name, use_resource=False)
            for name, array in arrays.items()
        ]
        session.run(tf.compat.v1.variables_initializer(variables))
        saver = tf.compat.v1.train.Saver(variables, write_version=tf.compat.v1.train.SaverDef.V1)
        saver.save(session, str(path), write_meta_graph=False)
    return path


def values(net):
    return {name: variable.numpy() for name, variable in named_variables(net).items()}


def assert_same(net, arrays):
    for name, value in values(net).items():
        np.testing.assert_array_equal(value, arrays[name], err_msg=name)


def test_v2_checkpoint_with_leftovers(mobilenet, tmp_path):
    arrays = slim_arrays(mobilenet)
    leftovers = {
        "global_step": np.int64(7),
        "MobilenetV1/Logits/Conv2d_1c_1x1/weights": np.zeros((1, 1, 256, 3), np.float32),
        "MobilenetV1/Conv2d_0/weights/RMSProp_1": np.zeros((3, 3, 3, 8), np.float32),
    }
    save(tmp_path / "model.ckpt", {**arrays, **leftovers})
    for path in (tmp_path, tmp_path / "model.ckpt", tmp_path / "model.ckpt.index"):
        assert restore_image_encoder(mobilenet, path) == []
        assert_same(mobilenet, arrays)


def test_an_encoder_of_fewer_levels_takes_its_own_blocks(mobilenet, tmp_path):
    arrays = slim_arrays(mobilenet)
    lower = image_encoder("mobilenet_v1_025", 64, [0, 1], 0.9, 0.0)
    assert restore_image_encoder(lower, save(tmp_path / "model.ckpt", arrays)) == []
    assert_same(lower, arrays)
    assert not any("Conv2d_11" in name for name in named_variables(lower))


def test_averages_are_used_where_present(mobilenet, tmp_path):
    arrays, averages = slim_arrays(mobilenet), slim_arrays(mobilenet, seed=1)
    named = {f"{name}/ExponentialMovingAverage": value for name, value in averages.items()}
    restore_image_encoder(mobilenet, save(tmp_path / "model.ckpt", {**arrays, **named}))
    assert_same(mobilenet, averages)


def test_v1_checkpoint_lacks_only_what_val_adds(tmp_path, monkeypatch):
    make_shallow(monkeypatch)
    net = resnet_v2_50(64, 0.9, 0.0)
    arrays = {n: a for n, a in slim_arrays(net).items() if "postnorm" not in n or "/post" in n}
    path = save_v1(tmp_path / "resnet_v2_50.ckpt", arrays)
    assert path.is_file() and not path.with_name("resnet_v2_50.ckpt.index").exists()
    own = restore_image_encoder(net, tmp_path)
    assert own == sorted(n for n in named_variables(net) if "k2_postnorm" in n or "k3_post" in n)
    assert_same(net, {**values(net), **arrays})


NAME = "MobilenetV1/Conv2d_3_pointwise/weights"


@pytest.mark.parametrize("damage", ["renamed", "missing", "reshaped", "added", "nan"])
def test_a_checkpoint_that_does_not_fit_is_refused_by_name(mobilenet, tmp_path, damage):
    arrays = slim_arrays(mobilenet)
    if damage == "renamed":
        arrays["MobilenetV1/Conv2d_3_pointwise/kernel"] = arrays.pop(NAME)
    elif damage == "missing":
        del arrays[NAME]
    elif damage == "reshaped":
        arrays[NAME] = arrays[NAME][..., :-1]
    elif damage == "added":
        arrays[f"{NAME}_2"] = arrays[NAME]
    else:
        arrays[NAME][0, 0, 0, 0] = np.nan
    before = values(mobilenet)
    with pytest.raises(InputError, match=NAME) as error:
        restore_image_encoder(mobilenet, save(tmp_path / "model.ckpt", arrays))
    assert "model.ckpt" in str(error.value)
    assert_same(mobilenet, before)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_damaged_files_are_refused_by_name(mobilenet, tmp_path, version):
    arrays = slim_arrays(mobilenet)
    (tmp_path / "good").mkdir()
    (save_v1 if version == "v1" else save)(tmp_path / "good" / "model.ckpt", arrays)
    files = [p.name for p in (tmp_path / "good").iterdir() if p.name != "checkpoint"]
    rng = np.random.default_rng(0)
    for trial in range(12):
        folder = tmp_path / f"bad{trial}"
        shutil.copytree(tmp_path / "good", folder)
        path = folder / files[trial % len(files)]
        content = bytearray(path.read_bytes())
        if trial < 2:
            content = content[: len(content) // 2]
        else:
            # The last 48 bytes are the table's footer, padded with bytes nothing reads.
            content[rng.integers(len(content) - 48)] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        with pytest.raises(InputError, match="model.ckpt"):
            restore_image_encoder(mobilenet, folder / "model.ckpt")


def test_missing_and_ambiguous_paths(tmp_path):
    with pytest.raises(InputError, match="nothing.ckpt"):
        read_checkpoint(tmp_path / "nothing.ckpt")
    with pytest.raises(InputError, match="found none"):
        read_checkpoint(tmp_path)
    for name in ("a", "b"):
        save(tmp_path / f"{name}.ckpt", {"x": np.zeros(1, np.float32)})
    with pytest.raises(InputError, match="a.ckpt, b.ckpt"):
        read_checkpoint(tmp_path)


def test_lstm_gates_agree_with_tensorflow_1():
    """One step of TensorFlow 1's BasicLSTMCell, written out, against the Keras layer."""
    rng = np.random.default_rng(0)
    size, units = 3, 5
    kernel = rng.normal(size=(size + units, 4 * units)).astype(np.float32)
    bias = rng.normal(size=4 * units).astype(np.float32)
    x, h, c = (rng.normal(size=(2, n)).astype(np.float32) for n in (size, units, units))
    i, j, f, o = np.split(np.concatenate([x, h], 1) @ kernel + bias, 4, axis=1)

    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    expected = np.tanh(c * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)) * sigmoid(o)
    arrays = split_cell({f"{CELL}/kernel": kernel, f"{CELL}/bias": bias})
    lstm = keras.layers.LSTM(units)
    lstm.build((None, None, size))
    lstm.set_weights([arrays[f"{CELL}/{n}"] for n in ("kernel", "recurrent_kernel", "bias")])
    np.testing.assert_allclose(lstm(x[:, None], initial_state=[h, c]), expected, atol=1e-5)
