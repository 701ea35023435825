"""Training in mixed precision and compiled by XLA, on a tiny model."""

import numpy as np
import pytest
import tensorflow as tf

from checkpointing.precision import slow_precision
from checkpointing.run import load_trained_model
from evaluation.encoder import Encoder
from nets.folding import folded
from tests.support.small_training import start_training, tiny
from tests.training.test_training import batch, run


def constant_batch(examples, config):
    return {key: tf.constant(value) for key, value in batch(examples, config).items()}


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_mixed_precision_learns_with_losses_and_variables_in_float32(examples, half):
    settings = dict(precision=f"mixed_{half}", dropout=0.0, average_decay=0.9, levels="high")
    config = tiny("unused", **settings)
    training = start_training(config)
    matching_loss, seen = training.matching_loss, []

    def spy(query, target, labels):  # the published mask, 1e8, is infinite in float16
        loss = matching_loss(query, target, labels)
        seen.extend(tensor.dtype for tensor in (query, target, loss))
        return loss

    training.matching_loss = spy
    update = tf.function(training.update, autograph=False)
    same = constant_batch(examples, config)
    # float16 leaves updates out at first, while its loss scale is too high.
    losses = np.array([update(same) for _ in range(30)])
    assert np.all(np.isfinite(losses)) and losses[-1, 0] < losses[0, 0] / 2
    assert set(seen) == {tf.float32}
    halves = [
        op
        for op in update.get_concrete_function(same).graph.get_operations()
        if op.type in ("Conv2D", "DepthwiseConv2dNative") and op.outputs[0].dtype == half
    ]
    assert len(halves) > 50  # both image passes
    averages = training.averages.values()
    optimizer = [v.value for v in training.optimizer.variables]
    for variable in [*training.variables.values(), *averages, *optimizer]:
        assert tf.as_dtype(variable.dtype) in (tf.float32, tf.int32, tf.int64), variable
        assert np.all(np.isfinite(variable.numpy()))
    training.swap_averages()
    encoder, images = training.model.image_encoder, same["targets"]
    for level, other in zip(encoder(images), folded(encoder)(images), strict=True):  # as validated
        np.testing.assert_allclose(tf.cast(level, "float32"), tf.cast(other, "float32"), atol=0.1)


@pytest.mark.usefixtures("shallow")
def test_a_run_in_float16_is_extracted_in_float32(examples, tmp_path):
    settings = dict(precision="mixed_float16", composition="image_only", train_length=2)
    saved = run(tiny(tmp_path, **settings), examples)
    assert {v.dtype.name for v in saved.values()} == {"float32", "int64"}
    model = load_trained_model(tmp_path)[0]
    assert {layer.compute_dtype for layer in model.image_encoder.layers} == {"float32"}
    features = model.gallery_features(np.zeros((1, 32, 32, 3), np.float32))
    assert features.dtype == tf.float32 and np.all(np.isfinite(features))


@pytest.mark.usefixtures("shallow")
def test_extraction_in_bfloat16_leaves_the_run_as_it_is(examples, tmp_path):
    run(tiny(tmp_path, composition="sum", train_length=1), examples)
    config = (tmp_path / "config.json").read_bytes()
    features = {}
    for precision in ("float32", "mixed_bfloat16"):
        model, config_read, _, _ = load_trained_model(tmp_path, precision=precision)
        encoder = Encoder(model, config_read, batch_size=4, progress=False)
        paths = [example.reference for example in examples[:6]]
        words = [np.array(example.words, np.int32) for example in examples[:6]]
        features[precision] = encoder.features(paths, words, paths)
    layer = model.image_encoder.get_layer("MobilenetV1.Conv2d_1_pointwise")
    assert layer.compute_dtype == "bfloat16"
    assert (tmp_path / "config.json").read_bytes() == config
    for side, exact in zip(*reversed(features.values()), strict=True):
        assert side.dtype == np.float32
        assert 1e-5 < np.abs(side - exact).max() < 0.1  # unit norm; rounded, and no more than that


@pytest.mark.parametrize("flags, slow", [("avx2 fma", True), ("avx2 avx512_bf16", False)])
def test_a_cpu_without_bfloat16_is_said_in_one_line(tmp_path, monkeypatch, flags, slow):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    (tmp_path / "cpuinfo").write_text(f"flags\t: fpu {flags}\n")
    line = slow_precision("mixed_bfloat16", tmp_path / "cpuinfo")
    assert ("float32 is faster here" in line) == slow and "\n" not in line
    assert slow_precision("float32", tmp_path / "cpuinfo") == ""
    assert slow_precision("mixed_bfloat16", tmp_path / "nowhere") == ""


@pytest.mark.usefixtures("shallow")
def test_xla_computes_the_same_losses(examples):
    # XLA draws other random numbers, and the whole model takes a minute to compile.
    config = tiny("unused", dropout=0.0, composition="text_only", levels="low")
    losses = {}
    for compiled in (False, True):
        training = start_training(config)
        update = tf.function(training.update, jit_compile=compiled, autograph=False)
        losses[compiled] = np.array(update(constant_batch(examples, config)))
    np.testing.assert_allclose(losses[True], losses[False], atol=1e-4)
