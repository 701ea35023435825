"""Each composition against its formula in NumPy, and what all of them promise."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from checkpointing.published_names import named_variables
from nets.artemis import similarities
from nets.compositions import COMPOSITIONS
from tests.test_model import build, inputs

HEIGHT, WIDTH, C, T = 3, 2, 32, 5
EPSILON = 1e-3
SHARED = dict(
    activation=keras.layers.ReLU, initializer="glorot_uniform", dropout=0.1, decay=0.9,
    epsilon=EPSILON, weight_decay=0.0, without="", gate_activation=True, self_attention_start=0.0,
)  # fmt: skip
BOTH = [name for name, uses in COMPOSITIONS.items() if uses.uses_image and uses.uses_text]


class Formula:
    """Weights of a composer by part, and the operations of the formulas, in float64."""

    def __init__(self, composer, name):
        scope = f"{name}_0/" if name[-1].isdigit() else f"{name}0/"
        found = named_variables(composer).items()
        self.weights = {n.removeprefix(scope): v.numpy().astype(float) for n, v in found}

    def dense(self, part, x):
        return x @ self.weights[f"{part}/kernel"] + self.weights[f"{part}/bias"]

    def norm(self, part, x):
        own = {n: self.weights[f"{part}/BatchNorm/{n}"] for n in
               ("gamma", "beta", "moving_mean", "moving_variance")}  # fmt: skip
        scaled = (x - own["moving_mean"]) / np.sqrt(own["moving_variance"] + EPSILON)
        return own["gamma"] * scaled + own["beta"]


def relu(x):
    return np.maximum(x, 0)


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def of_sum(f, v, t, both):
    return v + f.dense("text", t)


def of_concat(f, v, t, both):
    hidden = f.dense("hidden", relu(f.norm("first", both)))
    return f.dense("out", relu(f.norm("second", hidden)))


def of_tirg(f, v, t, both):
    gate = sigmoid(f.dense("gate", relu(f.norm("gate", both))))
    hidden = relu(f.dense("residual_hidden", relu(f.norm("residual", both))))
    return f.weights["r_weight"] * gate * v + f.weights["weight"] * f.dense("residual", hidden)


def of_mrn(f, v, t, both):
    u = f.dense("text", t)
    image = np.tanh(f.dense("image_2", np.tanh(f.dense("image_1", v))))
    return image * np.tanh(f.dense("text_gate", u)) + f.dense("shortcut", u)


def of_rtic(blocks):
    def formula(f, v, t, both):
        fused = f.dense("fusion", leaky(f.norm("fusion", both)))
        g = sigmoid(f.dense("gate", leaky(f.norm("gate", f.dense("gate_hidden", fused)))))
        for block in range(blocks):
            x = f.dense(f"block_{block}_1", fused)
            x = f.dense(f"block_{block}_2", leaky(f.norm(f"block_{block}_1", x)))
            fused = fused + f.dense(f"block_{block}_3", leaky(f.norm(f"block_{block}_2", x)))
        return g * v + (1 - g) * fused

    return formula


def of_compose_ae(f, v, t, both):
    def vectors(branch):
        z = f.dense(f"{branch}_image_1", f.norm(f"{branch}_image", v))
        z = f.dense(f"{branch}_image_2", relu(z))
        d = relu(f.dense(f"{branch}_text_1", f.norm(f"{branch}_text", t)))
        d = f.dense(f"{branch}_text_2", d)
        return z, d, v, z * np.cos(d), z * np.sin(d)

    def mapping(branch, x):
        hidden = relu(f.dense(f"{branch}_out_1", relu(f.norm(f"{branch}_out", x))))
        return f.dense(f"{branch}_out_2", hidden)

    linear = mapping("linear", np.concatenate(vectors("linear")[3:], axis=1))
    padded = np.pad(np.stack(vectors("conv"), axis=-1), ((0, 0), (1, 1), (0, 0)))
    taps = f.weights["conv1d/kernel"]  # [3, 5, 64]
    channels = sum(padded[:, i : i + C] @ taps[i] for i in range(3)) + f.weights["conv1d/bias"]
    longest = channels.reshape(len(v), C // 32, 32, 64).max(axis=2).reshape(len(v), -1)
    return f.weights["r_weight"] * linear + f.weights["weight"] * mapping("conv", longest)


FORMULAS = {
    "composeae": of_compose_ae,
    "sum": of_sum,
    "concat": of_concat,
    "tirg": of_tirg,
    "mrn": of_mrn,
    "rtic_1": of_rtic(1),
    "rtic_4": of_rtic(4),
}


def plain_composer(name, **changed):
    """Of level 0, as it starts."""
    return COMPOSITIONS[name].composer(0, (HEIGHT, WIDTH, C), T, **{**SHARED, **changed})


def drawn_composer(name):
    """A composer with drawn weights, inputs for it, and its Formula."""
    rng, composer = np.random.default_rng(0), plain_composer(name)
    for variable in composer.weights:
        values = rng.uniform(0.2, 1, variable.shape)
        signs = rng.choice([-1, 1], variable.shape) / np.sqrt(np.prod(variable.shape[:-1]))
        variable.assign(values if "variance" in variable.name else signs * values)
    maps = rng.standard_normal((6, HEIGHT, WIDTH, C)).astype(np.float32)
    text = rng.standard_normal((6, T)).astype(np.float32)
    return composer, maps, text, Formula(composer, name)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_pooled_composition_is_its_formula(name):
    composer, maps, text, f = drawn_composer(name)
    v, t = maps.mean(axis=(1, 2), dtype=float), text.astype(float)
    expected = FORMULAS[name](f, v, t, np.concatenate([v, t], axis=1))
    np.testing.assert_allclose(composer([maps, text]), expected, rtol=1e-4, atol=1e-4)


def test_film_is_its_formula():
    composer, maps, text, f = drawn_composer("film")
    f.weights["conv2/BatchNorm/gamma"], f.weights["conv2/BatchNorm/beta"] = np.ones(C), np.zeros(C)
    for variable in composer.get_layer("film0.conv2.BatchNorm").weights[:2]:
        variable.assign(np.ones(C) if variable.name == "gamma" else np.zeros(C))
    h = relu(maps.astype(float) @ f.weights["conv1/weights"][0, 0] + f.weights["conv1/biases"])
    padded, x = np.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0))), 0
    for i in range(3):
        for j in range(3):
            x = x + padded[:, i : i + HEIGHT, j : j + WIDTH] @ f.weights["conv2/weights"][i, j]
    gamma, beta = np.split(f.dense("modulation", text.astype(float))[:, None, None], 2, axis=-1)
    expected = relu(gamma * f.norm("conv2", x) + beta) + h
    np.testing.assert_allclose(composer([maps, text]), expected, rtol=1e-4, atol=1e-4)


def test_cosmo_is_its_formula():
    composer, maps, text, f = drawn_composer("cosmo")
    v, t = maps.reshape(6, -1, C).astype(float), text.astype(float)
    x = (v - v.mean(1, keepdims=True)) / np.sqrt(v.var(1, keepdims=True) + 1e-5)
    size = C // 8

    def softmax(scores):
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)

    for block in range(2):

        def dense(part, value, at=f"attention_{block}"):
            return value @ f.weights[f"{at}/{part}/kernel"] + f.weights.get(f"{at}/{part}/bias", 0)

        merged = np.concatenate([x, np.repeat(t[:, None], v.shape[1], axis=1)], axis=-1)
        values, keys = dense("value", dense("merge", merged)), dense("key", x)
        queries, asked, attended = dense("query", x), dense("text", t), np.empty_like(x)
        for head in range(8):
            own = np.s_[..., head * size : (head + 1) * size]
            scores = softmax(queries[own] @ np.swapaxes(keys[own], 1, 2) / size**0.5)
            of_text = softmax((x[own] @ asked[own][:, :, None])[..., 0] / size**0.5)
            attended[own] = (scores + of_text[:, None]) @ values[own]
        x = f.weights[f"sum_{block}/r_weight"] * x
        x = x + f.weights[f"sum_{block}/weight"] * dense("out", attended)

    def equal(part):
        kernel, bias = f.weights[f"{part}/kernel"], f.weights[f"{part}/bias"]
        return (t @ kernel * np.sqrt(2 / T) + bias)[:, None]

    deviation = v.std(1, keepdims=True)
    gamma = sigmoid(equal("gamma_gate")) * deviation + equal("gamma")
    beta = sigmoid(equal("beta_gate")) * v.mean(1, keepdims=True) + equal("beta")
    expected = (gamma * x + beta).reshape(maps.shape)
    got = composer([maps, text])
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_artemis_scores_as_its_formula():
    """Its four vectors a query give, by matrix products, the two cosines of the paper."""
    composer, maps, text, f = drawn_composer("artemis")
    r, m = maps.mean((1, 2)).astype(float), text.astype(float)
    targets = np.random.default_rng(2).standard_normal((4, C)).astype(np.float32)

    def attention(part):
        scores = f.dense(f"{part}_2", relu(f.dense(f"{part}_1", m)))
        return np.exp(scores) / np.exp(scores).sum(1, keepdims=True)

    def cosine(x, y):
        return x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    a, b, own = attention("explicit"), attention("implicit"), f.dense("text", m)
    expected = [
        [(cosine(own[i], a[i] * t) + cosine(b[i] * r[i], b[i] * t)) / 2 for t in targets]
        for i in range(len(m))
    ]
    np.testing.assert_allclose(similarities(composer([maps, text]), targets), expected, atol=1e-4)


def test_cosmo_starts_as_published():
    composer = plain_composer("cosmo")
    for name, bias in (("gamma", 1), ("beta", 0), ("gamma_gate", 0), ("beta_gate", 0)):
        layer = composer.get_layer(f"cosmo0.{name}")
        assert (layer.bias.numpy() == bias).all() and 0.8 < layer.kernel.numpy().std() < 1.2
    assert [float(w.numpy()) for w in composer.get_layer("cosmo0.sum_0").weights] == [1, 1]


@pytest.mark.parametrize(
    "name, formula",
    [
        ("composeae", 12 * C * C + 2 * T * C + 12 * C + 12 * C + 4 * T + 5 * 3 * 64 + 64 + 2),
        ("cosmo", 2 * (4 * C * C + (C + T) * C + T * C + 2 * C + 1) + 4 * (T * C + C)),
        ("artemis", 3 * (T * C + C) + 2 * (C * C + C)),
        ("sum", T * C + C),
        ("concat", (C + T) ** 2 + (C + T) * C + 2 * C + T + 4 * (C + T)),
        ("tirg", 2 * (C + T) * C + (C + T) ** 2 + 2 * C + (C + T) + 4 * (C + T) + 2),
        ("mrn", 4 * C * C + T * C + 5 * C),
        ("film", 9 * C * C + C * C + C + 2 * T * C + 2 * C),
        ("rtic_1", (C + T) * C + 2 * C * C + 3 * C + 2 * (C + T) + 2 * C + 5 * C * C // 4 + 4 * C),
    ],
)
def test_trained_parameters_are_counted(name, formula):
    weights = plain_composer(name).trainable_weights
    assert sum(int(np.prod(v.shape)) for v in weights) == formula


@pytest.mark.parametrize("name", BOTH)
def test_other_rows_change_no_query(name):
    model = build(composition=name)
    images, tokens, lengths = inputs(4)
    together = np.asarray(model.query_features(images, tokens, lengths))
    alone = np.asarray(model.query_features(images[:1], tokens[:1], lengths[:1]))
    np.testing.assert_allclose(together[:1], alone, rtol=1e-4, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


@pytest.mark.parametrize("name", BOTH)
def test_every_weight_is_reached_by_a_gradient(name):
    composer, maps, text, _ = drawn_composer(name)
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(composer([maps, text], training=True) ** 3)
    weights = {v.path: v.value for v in composer.trainable_weights}
    gradients = tape.gradient(out, weights)
    assert [path for path, slope in gradients.items() if slope is None] == []


def test_tirg_starts_from_its_published_weights():
    layer = plain_composer("tirg").get_layer("tirg0")
    assert [float(v.numpy()) for v in layer.weights] == [1, 10]
