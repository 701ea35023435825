"""The training loop on a tiny model: resuming, averages, quirks, refusals."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from checkpointing.published_names import named_variables
from checkpointing.run import checkpoint_path, load_trained_model, prepare_run
from command_line.errors import InputError
from config import load_config, make_config
from datasets.vocabulary import Vocabulary, pad
from demo.pretrain_backbone import save_slim_checkpoint
from nets.mobilenet_v1 import mobilenet_v1
from tests.support.small_training import VOCABULARY, start_training, tiny
from training.batches import batch_plan, labels_of
from training.loop import train


def run(config, examples):
    prepare_run(config, VOCABULARY)
    train(config, lambda epoch: examples, VOCABULARY)
    reader = tf.train.load_checkpoint(checkpoint_path(config.checkpoint_dir))
    names = reader.get_variable_to_shape_map()
    return {n: reader.get_tensor(n) for n in names if "OBJECT_GRAPH" not in n}


def test_batches_cover_an_epoch_once_and_start_anywhere(examples):
    config = tiny("unused")
    plans = list(itertools.islice(batch_plan(config, lambda epoch: examples, 0, 0), 6))
    assert [tuple(plan["data_position"]) for plan in plans[:3]] == [(0, 0), (0, 1), (1, 0)]
    shown = [path for plan in plans[:2] for path in plan["paths"][:, 0]]
    assert len(set(shown)) == 8  # 10 examples, 2 whole batches of 4
    assert shown != [path for plan in plans[2:4] for path in plan["paths"][:, 0]]
    later = next(batch_plan(config, lambda epoch: examples, 1, 1))
    for key, value in plans[3].items():
        np.testing.assert_array_equal(later[key], value)
    for plan in plans:
        assert np.all((plan["resize_edges"] >= 32) & (plan["resize_edges"] < 36))
        assert np.all(plan["crop_offsets"] >= 0)
        assert np.all(plan["crop_offsets"] + 32 <= plan["resize_edges"][..., None])
    flips = np.array([plan["flips"] for plan in plans])
    assert 0 < flips.mean() < 1 and np.any(flips[..., 0] != flips[..., 1])


def test_pad():
    tokens, lengths = pad([[3], [4, 5, 6]])
    assert tokens.tolist() == [[3, 0, 0], [4, 5, 6]] and lengths.tolist() == [1, 3]


@pytest.mark.usefixtures("shallow")
def test_a_resumed_run_equals_an_uninterrupted_one(examples, tmp_path, capsys):
    settings = dict(levels="low")  # traced three times: one composer
    whole = run(tiny(tmp_path / "whole", **settings), examples)
    run(tiny(tmp_path / "parts", train_length=2, **settings), examples)
    parts = run(tiny(tmp_path / "parts", **settings), examples)
    assert "going on from" in capsys.readouterr().out
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(parts[name], value, err_msg=name)
    logs = [(tmp_path / name / "train_log.csv").read_text() for name in ("whole", "parts")]
    assert logs[0] == logs[1] and len(logs[0].splitlines()) == 5

    with pytest.raises(InputError, match="margin 0.2, now 0.3"):
        prepare_run(tiny(tmp_path / "parts", margin=0.3, **settings), VOCABULARY)
    with pytest.raises(InputError, match="words of the training captions"):
        prepare_run(tiny(tmp_path / "parts", **settings), Vocabulary.build(["other"]))

    model, config, vocabulary, path = load_trained_model(tmp_path / "whole")
    assert path.endswith("model.ckpt-4") and vocabulary.words == VOCABULARY.words
    assert config == load_config(tmp_path / "whole")
    name = "projection/text/weights"
    saved = {kind: whole[f"{kind}/{name.replace('/', '.S')}/.ATTRIBUTES/VARIABLE_VALUE"]
             for kind in ("averages", "weights")}  # fmt: skip
    np.testing.assert_array_equal(named_variables(model)[name].numpy(), saved["averages"])
    assert not np.array_equal(saved["averages"], saved["weights"])
    with pytest.raises(InputError, match="model.ckpt-3.index not found"):
        checkpoint_path(tmp_path / "whole", "model.ckpt-3")


def batch(examples, config):
    rng = np.random.default_rng(0)
    tokens, lengths = pad([example.words for example in examples[:4]])
    images = (4, config.image_size, config.image_size, 3)
    return {
        "references": rng.uniform(-1, 1, images).astype(np.float32),
        "targets": rng.uniform(-1, 1, images).astype(np.float32),
        "tokens": tokens,
        "lengths": lengths,
        "labels": np.arange(4),
        "data_position": np.array([0, 0], np.int64),
    }


@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize(("loss", "levels"), [("triplet", "low,mid,high"), ("softmax", "high")])
def test_updates_lower_every_loss_and_move_the_averages(examples, loss, levels):
    config = tiny("unused", loss=loss, levels=levels, average_decay=0.9, dropout=0.0)
    training = start_training(config)

    def now():
        both = training.trained, training.averages
        return [{name: v.numpy() for name, v in variables.items()} for variables in both]

    expected = now()[1]
    update = tf.function(training.update, autograph=False)
    losses = []
    for _ in range(8):
        losses.append(float(update(batch(examples, config))[0]))
        expected = {n: expected[n] * 0.9 + weight * 0.1 for n, weight in now()[0].items()}
    assert losses[-1] < losses[0]
    weights, averages = now()
    for name, average in averages.items():
        np.testing.assert_allclose(average, expected[name], atol=1e-6, err_msg=name)
    for values in (averages, weights):
        training.swap_averages()
        assert all(np.array_equal(v, values[n]) for n, v in now()[0].items())


def test_gradients_are_the_same_bits_every_time(examples):
    """At full size: from an AddN of three, which TensorFlow adds in no fixed order, 3 to 25 of 100
    gradients differed (13 of 49 at this size)."""
    config = make_config(dataset="shoes", image_model="mobilenet_v1", image_size=32, crop_from=0,
                    batch_size=4, pretrain_checkpoint_dir="")  # fmt: skip
    training, data = start_training(config), batch(examples, config)
    gradients = tf.function(training.gradients, autograph=False)

    def bits():
        losses, slopes = gradients(data)
        parts = [*losses, *(tf.convert_to_tensor(slope) for slope in slopes.values())]
        return [part.numpy().view(np.int32) for part in parts]

    first = bits()
    for _ in range(49):
        assert all(map(np.array_equal, first, bits()))


@pytest.mark.usefixtures("shallow")
def test_gradients_are_those_of_the_whole_loss(examples):
    """With the decay's, which the update adds by hand."""
    config = tiny("unused", weight_decay=0.1, dropout=0.0, levels="low,high")
    training, data = start_training(config), batch(examples, config)
    weights = {name: variable.value for name, variable in training.trained.items()}
    with tf.GradientTape() as tape:
        total = training.losses(data)[0]
    expected = tape.gradient(total, weights)
    _, slopes = training.gradients(data)
    for name, slope in slopes.items():
        slope, wanted = map(tf.convert_to_tensor, (slope, expected[name]))
        np.testing.assert_allclose(slope, wanted, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.usefixtures("shallow")
def test_published_quirks_of_training(examples, tmp_path):
    """Initial state fixed, Adam's correction frozen, averages from before the restored weights."""
    net = mobilenet_v1(32, 0.25, 0.9, 0.0)
    arrays = {n: np.full(v.shape, 0.5, np.float32) for n, v in named_variables(net).items()}
    save_slim_checkpoint(tmp_path / "model.ckpt", arrays)
    name, state = "MobilenetV1/Conv2d_0/weights", "RNN/bidirectional_lstm/forward/init_state_0"
    moved = {}
    for as_published in (False, True):
        config = tiny("unused", as_published=as_published, dropout=0.0, levels="low",
                      pretrain_checkpoint_dir=str(tmp_path))  # fmt: skip
        training = start_training(config)
        assert np.all(training.trained[name].numpy() == 0.5)
        assert np.all(training.averages[name].numpy() == 0.5) == (not as_published)
        before = training.trained[state].numpy()
        for _ in range(3):
            training.update(batch(examples, config))
        moved[as_published] = np.abs(training.trained[state].numpy() - before).max()
        assert int(training.optimizer.iterations.numpy()) == (1 if as_published else 3)
    assert moved[True] == 0 and moved[False] > 0


@pytest.mark.usefixtures("shallow")
def test_the_rate_falls_where_it_should(examples):
    config = tiny("unused", decay_at=1, composition="image_only", levels="high")
    training = start_training(config)
    rates = []
    for _ in range(2):
        training.update(batch(examples, config))
        rates.append(float(training.optimizer.learning_rate))
    np.testing.assert_allclose(rates, [1e-3, 1e-4])


@pytest.mark.usefixtures("shallow")
def test_what_ends_a_run_is_said_and_nothing_saved(examples, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"<html>")
    of_bad = [e._replace(target=str(bad)) for e in examples]
    for message, given, settings in (
        ("step [1-4]: the loss is not finite", examples, dict(init_learning_rate=1e30)),
        ("--batch_size=11: epoch 0 has only 10 examples", examples, dict(batch_size=11)),
        (f"^{bad}: not a readable image", of_bad, {}),
    ):
        with pytest.raises(InputError, match=message):
            run(tiny(tmp_path, save_length=10, composition="image_only", **settings), given)
        assert not list(tmp_path.glob("model.ckpt*"))


@pytest.mark.usefixtures("shallow")
def test_references_are_further_negatives(examples):
    batches = batch_plan(tiny("unused", reference_negatives=True), lambda epoch: examples, 0, 0)
    for plan in itertools.islice(batches, 2):
        references, targets = plan["paths"].T
        labels = plan["labels"].tolist()
        assert labels[:4] == [0, 1, 2, 3] and len(set(labels[4:])) == 4
        for row, path in enumerate(references):
            expected = list(targets).index(path) if path in targets else -1 - row
            assert labels[4 + row] == expected
    labelled = [e._replace(label=7, reference_label=8) for e in examples[:2]]
    assert labels_of(labelled, with_references=True) == [7, 7, 8, 8]

    config = tiny("unused", dropout=0.0, levels="high", loss="softmax", reference_negatives=True)
    training = start_training(config)
    alone = batch(examples, config)
    losses = [
        float(training.losses({**alone, "labels": np.array(labels)})[0])
        for labels in ([0, 1, 2, 3, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 7])
    ]
    assert losses[0] < losses[1]  # the second row's reference was no negative of the first alone
