"""VAL with a part left out or changed, and any composition on fewer levels."""

import keras
import numpy as np
import pytest

from checkpointing.published_names import named_variables
from nets.compositions import COMPOSITIONS
from tests.nets.test_compositions import HEIGHT, SHARED, WIDTH, C, T
from tests.test_model import build, inputs


@pytest.mark.parametrize(
    "without", ["joint_attention", "self_attention", "spatial_gate", "channel_gate"]
)
def test_val_without_a_part_is_val_with_that_part_at_rest(without):
    """Weights that switch a part off in whole VAL give what VAL without the part computes."""
    shared = dict(SHARED, activation=keras.layers.ReLU, gate_activation=False)
    build = COMPOSITIONS["val"].composer
    whole = build(0, (HEIGHT, WIDTH, C), T, **shared)
    less = build(0, (HEIGHT, WIDTH, C), T, **{**shared, "without": without})
    rng = np.random.default_rng(1)
    arrays = {}
    for name, v in named_variables(whole).items():
        arrays[name] = 0.2 + np.abs(rng.standard_normal(v.shape)) * 0.3
    off = {"joint_attention": ("Conv_1", "Conv_2"), "spatial_gate": ("Conv_2",),
           "channel_gate": ("Conv_1",), "self_attention": ()}[without]  # fmt: skip
    for gate in off:  # a gate of 1: sigmoid of a large offset
        arrays[f"attention0/{gate}/BatchNorm/gamma"] *= 0
        arrays[f"attention0/{gate}/BatchNorm/beta"] = (
            arrays[f"attention0/{gate}/BatchNorm/beta"] * 0 + 50
        )
    if without == "self_attention":
        arrays["attention0/r_weight"], arrays["attention0/weight"] = 1.0, 0.0
    for net in (whole, less):
        for name, v in named_variables(net).items():
            v.assign(arrays[name])
    assert set(named_variables(less)) < set(arrays)
    maps = rng.standard_normal((2, HEIGHT, WIDTH, C)).astype(np.float32)
    text = rng.standard_normal((2, T)).astype(np.float32)
    np.testing.assert_allclose(less([maps, text]), whole([maps, text]), rtol=1e-5, atol=1e-5)


def test_gates_without_activation_can_close():
    """As published a gate is at least 0.5; without the activation it reaches below."""
    build, smallest = COMPOSITIONS["val"].composer, {}
    for active in (True, False):
        own = dict(SHARED, gate_activation=active, without="self_attention")
        net = build(0, (HEIGHT, WIDTH, C), T, **own)
        for name, v in named_variables(net).items():
            gate = "Conv_" in name
            v.assign(np.full(v.shape, -3.0 if gate and name.endswith("beta") else 1.0 - gate))
        image = np.ones((1, HEIGHT, WIDTH, C), np.float32)
        smallest[active] = float(np.min(net([image, np.ones((1, T), np.float32)])))
    assert smallest[True] == pytest.approx(0.25) and smallest[False] < 0.1


def test_self_attention_may_start_at_another_weight():
    own = dict(SHARED, self_attention_start=0.5)
    net = COMPOSITIONS["val"].composer(0, (HEIGHT, WIDTH, C), T, **own)
    assert [float(w.numpy()) for w in net.get_layer("attention0").weights] == [1, 0.5]


@pytest.mark.parametrize("levels", ["high", "low,mid", "mid"])
@pytest.mark.parametrize("composition", ["val", "tirg"])
def test_levels_are_a_part_of_all_three(levels, composition):
    """A model of fewer levels computes what the whole one does there, and is no larger."""
    whole, part = build(composition=composition), build(composition=composition, levels=levels)
    images, tokens, lengths = inputs(3)
    sizes = dict(low=128, mid=128, high=256)
    starts = dict(low=0, mid=128, high=256)
    columns = np.concatenate([starts[n] + np.arange(sizes[n]) for n in levels.split(",")])
    for net in (part, whole):
        assert net.feature_size == (len(columns) if net is part else 512)
    queries = np.asarray(whole.query_features(images, tokens, lengths))[:, columns]
    np.testing.assert_allclose(part.query_features(images, tokens, lengths), queries, atol=1e-5)
    gallery = np.asarray(whole.gallery_features(images))[:, columns]
    np.testing.assert_allclose(part.gallery_features(images), gallery, atol=1e-5)
    inference = part.features_of_maps(part.inference_image_encoder()(images))
    np.testing.assert_allclose(inference, gallery, atol=1e-4)
    assert len(part.variables) < len(whole.variables)
