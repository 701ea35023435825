"""VAL with a part left out or changed, and any composition on fewer levels."""

import numpy as np
import pytest

from checkpointing.published_names import named_variables
from tests.nets.test_compositions import HEIGHT, WIDTH, C, T, plain_composer
from tests.test_model import build, inputs


@pytest.mark.parametrize(
    "without", ["joint_attention", "self_attention", "spatial_gate", "channel_gate"]
)
def test_val_without_a_part_is_val_with_that_part_at_rest(without):
    """Weights that switch a part off in whole VAL give what VAL without the part computes."""
    whole = plain_composer("val", gate_activation=False)
    less = plain_composer("val", gate_activation=False, without=without)
    rng = np.random.default_rng(1)
    shapes = {name: variable.shape for name, variable in named_variables(whole).items()}
    arrays = {n: 0.2 + np.abs(rng.standard_normal(shape)) * 0.3 for n, shape in shapes.items()}
    off = {"joint_attention": ("Conv_1", "Conv_2"), "spatial_gate": ("Conv_2",),
           "channel_gate": ("Conv_1",), "self_attention": ()}[without]  # fmt: skip
    for gate in off:  # a gate of 1: sigmoid of a large offset
        arrays[f"attention0/{gate}/BatchNorm/gamma"] *= 0
        arrays[f"attention0/{gate}/BatchNorm/beta"][:] = 50
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
    smallest = {}
    for active in (True, False):
        net = plain_composer("val", gate_activation=active, without="self_attention")
        for name, v in named_variables(net).items():
            gate = "Conv_" in name
            v.assign(np.full(v.shape, -3.0 if gate and name.endswith("beta") else 1.0 - gate))
        image = np.ones((1, HEIGHT, WIDTH, C), np.float32)
        smallest[active] = float(np.min(net([image, np.ones((1, T), np.float32)])))
    assert smallest[True] == pytest.approx(0.25) and smallest[False] < 0.1


def test_self_attention_may_start_at_another_weight():
    net = plain_composer("val", self_attention_start=0.5)
    assert [float(w.numpy()) for w in net.get_layer("attention0").weights] == [1, 0.5]


@pytest.mark.parametrize("levels", ["high", "low,mid", "mid"])
@pytest.mark.parametrize("composition", ["val", "tirg"])
def test_levels_are_a_part_of_all_three(levels, composition):
    """A model of fewer levels computes what the whole one does there, and is no larger."""
    whole, part = build(composition=composition), build(composition=composition, levels=levels)
    images, tokens, lengths = inputs(3)
    places = dict(low=np.r_[:128], mid=np.r_[128:256], high=np.r_[256:512])
    columns = np.concatenate([places[name] for name in levels.split(",")])
    assert (part.feature_size, whole.feature_size) == (len(columns), 512)
    queries = np.asarray(whole.query_features(images, tokens, lengths))[:, columns]
    np.testing.assert_allclose(part.query_features(images, tokens, lengths), queries, atol=1e-5)
    gallery = np.asarray(whole.gallery_features(images))[:, columns]
    np.testing.assert_allclose(part.gallery_features(images), gallery, atol=1e-5)
    inference = part.features_of_maps(part.inference_image_encoder()(images))
    np.testing.assert_allclose(inference, gallery, atol=1e-4)
    assert len(part.variables) < len(whole.variables)
