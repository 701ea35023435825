"""Extraction's folded image encoder is the model's, whatever becomes of the variables."""

import numpy as np
import pytest

from config import make_config
from datasets.images import load
from evaluation.encoder import Encoder
from nets.folding import folded
from tests.support.small_catalogue import write_picture
from tests.support.small_run import drawn_model


@pytest.fixture
def config():
    return make_config(
        image_model="mobilenet_v1_025", image_size=64, word_embedding_size=6,
        text_embedding_size=8, joint_embedding_size=8,
    )  # fmt: skip


def test_folded_encoder_follows_the_model(config):
    model = drawn_model(config, 20)
    trainable = [variable.path for variable in model.trainable_variables]
    images = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    encoder = folded(model.image_encoder)
    before = [np.asarray(level) for level in model.encode_image(images)]
    for level, ours in zip(before, encoder(images), strict=True):
        np.testing.assert_allclose(ours, level, atol=1e-5)
    norm = model.image_encoder.get_layer("MobilenetV1.Conv2d_3_depthwise.BatchNorm")
    norm.moving_mean.assign(norm.moving_mean + 0.5)
    norm.moving_variance.assign(norm.moving_variance * 2)
    norm.gamma.assign(-norm.gamma)
    for old, level, ours in zip(before, model.encode_image(images), encoder(images), strict=True):
        np.testing.assert_allclose(ours, level, atol=1e-5)
        assert np.abs(level - old).max() > 0.1
    assert [variable.path for variable in model.trainable_variables] == trainable
    assert not any("depthwise.BatchNorm" in layer.name for layer in encoder.layers)


def test_extracted_features_are_the_models(config, tmp_path):
    """Batches of two, repeated references, one of them not in the gallery, one gallery image asked
    twice: each row is the model's for that one query or image."""
    paths = [write_picture(tmp_path / f"{i}.png", i, (40, 50)) for i in range(3)]
    model = drawn_model(config, 20)
    encoder = Encoder(model, config, batch_size=2, progress=False)
    references = [paths[i] for i in (2, 0, 1, 2)]
    captions = [[3, 4], [5], [2, 2, 7], [6]]
    listed = [paths[i] for i in (1, 2, 1)]
    queries, gallery = encoder.features(references, captions, listed)
    for row, path in zip(gallery, listed, strict=True):
        alone = model.gallery_features(load(str(path), 64, False)[None])
        np.testing.assert_allclose(row, alone[0], atol=1e-5)
    for row, path, words in zip(queries, references, captions, strict=True):
        image = load(str(path), 64, False)[None]
        alone = model.query_features(image, np.array([words], np.int32), np.array([len(words)]))
        np.testing.assert_allclose(row, alone[0], atol=1e-5)
    assert np.abs(queries[0] - queries[3]).max() > 1e-3
    again = encoder.features([], [], listed)[1]  # in other batches, so in other bits on some CPUs
    np.testing.assert_allclose(again, gallery, rtol=0, atol=1e-6)
