"""Compositions of a level's mean image feature v and the text feature t, as others published them.

Each function builds the net of one level, [map [B, H, W, C], t [B, T]] -> [B, C], with the formula
in its docstring: [v;t] side by side, W dense with bias, BN batch normalisation, s the sigmoid.
Batch normalisation is the model's own; dense layers start as everywhere here (Glorot, zero).
"""

import keras
from keras import ops

from nets.attention import WeightedSum
from nets.batch_norm import BatchNormalization


class PooledComposer:
    """Inputs and layers of one composer, named <composition><level>.<part>."""

    def __init__(self, composition, level, map_shape, text_size, decay, epsilon):
        self.scope, self.norm_settings = f"{composition}{level}", (decay, epsilon)
        self.map = keras.Input(map_shape, name="image_map")
        self.text = keras.Input((text_size,), name="text")
        self.image = ops.mean(self.map, axis=(1, 2))  # [B, C]
        self.both = ops.concatenate([self.image, self.text], axis=-1)  # [B, C + T]
        self.size = map_shape[-1]

    def dense(self, x, part, size=None, activation=None):
        name = f"{self.scope}.{part}"
        return keras.layers.Dense(size or self.size, activation=activation, name=name)(x)

    def norm(self, x, part, activation=ops.relu):
        """activation(BN(x)), or BN(x) where activation is None; x [B, C]."""
        layer = BatchNormalization(*self.norm_settings, name=f"{self.scope}.{part}.BatchNorm")
        normalised = layer(x[:, None, None])[:, 0, 0]
        return activation(normalised) if activation else normalised

    def drop(self, x, share, part):
        return keras.layers.Dropout(share, name=f"{self.scope}.{part}.dropout")(x)

    def net(self, composed):
        return keras.Model([self.map, self.text], composed, name=self.scope)


def sum_of_features(level, map_shape, text_size, decay, epsilon, **_):
    """v + W t; the plainest there is."""
    own = PooledComposer("sum", level, map_shape, text_size, decay, epsilon)
    return own.net(own.image + own.dense(own.text, "text"))


def concatenation(level, map_shape, text_size, dropout, decay, epsilon, **_):
    """W2 drop(relu(BN(W1 relu(BN [v;t])))), W1 to C + T; google/tirg, Concat."""
    own = PooledComposer("concat", level, map_shape, text_size, decay, epsilon)
    hidden = own.dense(own.norm(own.both, "first"), "hidden", own.both.shape[-1])
    hidden = own.drop(own.norm(hidden, "second"), dropout, "hidden")
    return own.net(own.dense(hidden, "out"))


def tirg(level, map_shape, text_size, decay, epsilon, **_):
    """w1 s(W relu(BN [v;t])) v + w2 W relu(W relu(BN [v;t])), w = 1, 10 at the start.

    Vo et al., "Composing Text and Image for Image Retrieval", CVPR 2019, Eq. 1-3; google/tirg,
    TIRG. There it composes one feature; three levels are our variant."""
    own = PooledComposer("tirg", level, map_shape, text_size, decay, epsilon)
    gate = own.dense(own.norm(own.both, "gate"), "gate", activation="sigmoid")
    hidden = own.norm(own.both, "residual")
    hidden = own.dense(hidden, "residual_hidden", own.both.shape[-1], activation="relu")
    residual = own.dense(hidden, "residual")
    weighted = WeightedSum(start=(1.0, 10.0), name=own.scope)
    return own.net(weighted([gate * own.image, residual]))


def mrn(level, map_shape, text_size, decay, epsilon, **_):
    """tanh(W tanh(W v)) tanh(W u) + W u with u = W t of C dimensions, dropout before each W.

    Kim et al., "Multimodal Residual Learning for Visual QA", NIPS 2016, one block; as RTIC's
    mrn.py has it."""
    own = PooledComposer("mrn", level, map_shape, text_size, decay, epsilon)
    text = own.dense(own.text, "text")

    def dense(x, part, activation=None):
        return own.dense(own.drop(x, 0.5, part), part, activation=activation)  # as RTIC's mrn.py

    image = dense(dense(own.image, "image_1", "tanh"), "image_2", "tanh")
    return own.net(image * dense(text, "text_gate", "tanh") + dense(text, "shortcut"))


def compose_ae(level, map_shape, text_size, decay, epsilon, **_):
    """10 r([z cos d; z sin d]) + r'(max(conv3 [z', d', v, z' cos d', z' sin d'])), the weights
    learned. z = W drop(W BN v) with relu between, d = W relu(W BN t), z' and d' another pair; conv3
    runs along the five vectors' C, max leaves 2C of its 64 C; r(x) = W relu(W relu(BN x)).

    Anwaar et al., "Compositional Learning of Image-Text Query for Image Retrieval", WACV 2021;
    ecom-research/ComposeAE, ComposeAE. Its further losses (reconstruction of v and t, rotational
    symmetry; weights 0.1, 0.1, 0.01) are not here: all compositions learn by the same loss.
    C has to be a multiple of 32."""
    own = PooledComposer("composeae", level, map_shape, text_size, decay, epsilon)

    def projections(branch):
        z = own.dense(own.norm(own.image, f"{branch}_image", None), f"{branch}_image_1")
        z = ops.relu(own.drop(z, 0.5, f"{branch}_image"))  # the authors'
        d = own.norm(own.text, f"{branch}_text", None)
        d = own.dense(d, f"{branch}_text_1", activation="relu")
        return own.dense(z, f"{branch}_image_2"), own.dense(d, f"{branch}_text_2")

    def mapping(x, branch):
        hidden = own.dense(own.norm(x, f"{branch}_out"), f"{branch}_out_1", activation="relu")
        return own.dense(hidden, f"{branch}_out_2")

    z, d = projections("linear")
    linear = mapping(ops.concatenate([z * ops.cos(d), z * ops.sin(d)], axis=-1), "linear")
    z, d = projections("conv")
    vectors = ops.stack([z, d, own.image, z * ops.cos(d), z * ops.sin(d)], axis=-1)  # [B, C, 5]
    channels = keras.layers.Conv1D(64, 3, padding="same", name=f"{own.scope}.conv1d")(vectors)
    channels = ops.max(ops.reshape(channels, (-1, own.size // 32, 32, 64)), axis=2)
    conv = mapping(ops.reshape(channels, (-1, 2 * own.size)), "conv")
    weighted = WeightedSum(start=(10.0, 1.0), name=own.scope)
    return own.net(weighted([linear, conv]))


def rtic(blocks):
    """Builder of: f = W a(BN [v;t]); g = s(W a(BN(W f))); `blocks` times f += W a(BN(W a(BN(W f))))
    of half width; g v + (1 - g) f. a: leaky ReLU.

    Shin et al., "RTIC: Residual Learning for Text and Image Composition", 2021; rtic.py."""

    def build(level, map_shape, text_size, decay, epsilon, **_):
        own = PooledComposer(f"rtic_{blocks}_", level, map_shape, text_size, decay, epsilon)
        leaky = keras.layers.LeakyReLU(0.01)  # PyTorch's slope
        fused = own.dense(own.norm(own.both, "fusion", leaky), "fusion")
        gate = own.norm(own.dense(fused, "gate_hidden"), "gate", leaky)
        gate = own.dense(gate, "gate", activation="sigmoid")
        for block in range(blocks):
            x = own.dense(fused, f"block_{block}_1", own.size // 2)
            x = own.dense(own.norm(x, f"block_{block}_1", leaky), f"block_{block}_2", own.size // 2)
            fused += own.dense(own.norm(x, f"block_{block}_2", leaky), f"block_{block}_3")
        return own.net(gate * own.image + (1 - gate) * fused)

    return build
