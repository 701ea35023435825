"""VAL: image and text encoders, composite transformers at three levels, and the losses.

Chen, Gong, Bazzani: "Image Search with Text Feedback by Visiolinguistic Attention Learning",
CVPR 2020, section 3; published train_val.py, attention_model.py, loss.py.

Shapes: B batch, H W map height and width, C channels, T words, D embedding, Q queries,
N gallery images.
"""

import keras
from keras import ops

from nets import artemis, mobilenet_v1, resnet_v2
from nets.compositions import COMPOSITIONS, PAIRWISE_VECTORS
from nets.folding import folded
from nets.text import text_encoder, text_projection

LEVELS = ("low", "mid", "high")
NORM_EPSILON = 1e-10  # of the squared norm; published loss.py
MASKED = 1e8  # added to the distance of what is no negative; published loss.py
SOFTMAX_SCALE = 16.0  # of the cosine; TIRG scales both features by 4 at the start
DEPTH_MULTIPLIERS = {"mobilenet_v1": 1.0, "mobilenet_v1_050": 0.5, "mobilenet_v1_025": 0.25}


class VAL(keras.Model):
    """The whole model. Settings as in config.py, which has their defaults (config.model_settings).

    composition: one of nets.compositions; all are trained the same way.
    levels: names among LEVELS, in order. without, gate_activation, self_attention_start: parts of
    VAL's own composition, see nets.attention.
    padding_in_training: padded words take part in the max over time in training, as published.
    """

    def __init__(
        self, vocabulary_size, *, image_model, image_size, batch_norm_decay, text_model,
        word_embedding_size, text_embedding_size, joint_embedding_size, dropout, composition,
        levels, without, gate_activation, self_attention_start, weight_decay, padding_in_training,
    ):  # fmt: skip
        super().__init__(name="val")
        self.composition = COMPOSITIONS[composition]
        self.levels = [LEVELS.index(level) for level in levels]
        net = resnet_v2 if image_model == "resnet_v2_50" else mobilenet_v1
        self.image_encoder = image_encoder(
            image_model, image_size, self.levels, batch_norm_decay, weight_decay
        )
        map_shapes = [tuple(level.shape[1:]) for level in self.image_encoder.outputs]
        sizes = [shape[-1] for shape in map_shapes]
        pairwise = self.composition.pairwise
        self.pairwise_scorer = sizes if pairwise else None  # what scorer_for takes
        self.feature_size = sum(sizes)
        self.query_size = self.feature_size * (PAIRWISE_VECTORS if pairwise else 1)
        shared = dict(
            initializer=net.kernel_initializer(), dropout=dropout, decay=batch_norm_decay,
            epsilon=net.EPSILON, weight_decay=weight_decay,
        )  # fmt: skip
        if self.composition.uses_text:
            self.text_encoder = text_encoder(
                text_model, vocabulary_size, word_embedding_size, text_embedding_size,
                padding_in_training,
            )  # fmt: skip
            pooled_size = self.text_encoder.outputs[0].shape[-1]
            self.text_projection = text_projection(pooled_size, joint_embedding_size, **shared)
        self.composers = [
            self.composition.composer(
                level, map_shape, joint_embedding_size, activation=net.activation, **shared,
                without=without, gate_activation=gate_activation,
                self_attention_start=self_attention_start,
            )
            for level, map_shape in zip(self.levels, map_shapes, strict=True)
        ]  # fmt: skip

    def set_dropout_seed(self, seed, step):
        """Makes the dropout of the next training pass a function of (seed, step)."""
        nets = [self.text_projection, *self.composers] if self.composition.uses_text else []
        layers = [layer for net in nets for layer in getattr(net, "layers", [])]
        dropouts = [layer for layer in layers if isinstance(layer, keras.layers.Dropout)]
        for index, layer in enumerate(layer for layer in dropouts if layer.rate > 0):
            state = layer.seed_generator.state
            state.assign(ops.cast(ops.stack([seed * 64 + index, step]), state.dtype))

    def encode_image(self, images, training=False):
        """images [B, S, S, 3] in [-1, 1] -> maps of its levels, each [B, H, W, C]."""
        return keras.tree.flatten(self.image_encoder(images, training=training))

    def encode_text(self, tokens, lengths, training=False):
        """tokens [B, T], lengths [B] -> text feature [B, joint_size]."""
        pooled = self.text_encoder([tokens, lengths], training=training)
        return self.text_projection(pooled, training=training)

    def compose(self, maps, text, training=False):
        """Maps of the reference image and its text -> composed feature of each level, [B, C]."""
        levels = []
        maps = [None] * len(self.composers) if maps is None else maps
        for composer, image_map in zip(self.composers, maps, strict=True):
            used = [image_map] if self.composition.uses_image else []
            used += [text] if self.composition.uses_text else []
            levels.append(composer(used if len(used) > 1 else used[0], training=training))
        return pool(levels)

    def query_levels(self, images, tokens, lengths, training=False):
        """Reference images and captions -> composed feature of each level [B, C]."""
        return self.compose(*self.encode_query(images, tokens, lengths, training), training)

    def encode_query(self, images, tokens, lengths, training=False):
        """What compose takes: maps and text feature, None where the composition has no use."""
        used = self.composition
        maps = self.encode_image(images, training) if used.uses_image else None
        text = self.encode_text(tokens, lengths, training) if used.uses_text else None
        return maps, text

    def gallery_levels(self, images, training=False):
        """Single images -> feature of each level [B, C]."""
        return pool(self.encode_image(images, training))

    def query_features(self, images, tokens, lengths):
        """Features of reference images with captions.

        images: [B, S, S, 3] in [-1, 1] -> [B, D_low + D_mid + D_high], unit norm per level; four
        times as wide, and not normalised, where the composition is pairwise."""
        return self._queries_side_by_side(self.query_levels(images, tokens, lengths))

    def _queries_side_by_side(self, levels):
        pairwise = self.composition.pairwise
        return ops.concatenate(levels, axis=-1) if pairwise else side_by_side(levels)

    def gallery_features(self, images):
        """Features of single images.

        images: [B, S, S, 3] in [-1, 1] -> [B, D_low + D_mid + D_high], unit norm per level."""
        return self.features_of_maps(self.encode_image(images))

    def inference_image_encoder(self):
        """Makes encode_image again on the same weights, for speed; follows them in training."""
        encoder = folded(self.image_encoder)
        return lambda images: keras.tree.flatten(encoder(images, training=False))

    def features_of_maps(self, maps):
        """Maps of single images -> their features, as gallery_features."""
        return side_by_side(pool(maps))

    def composed_features(self, maps, text):
        """Maps of reference images and text features -> features, as query_features."""
        return self._queries_side_by_side(self.compose(maps, text))

    def similarities(self, query, target):
        """One level's queries and targets [N, C] -> their cosines [B, N], or what corresponds."""
        if self.composition.pairwise:
            return artemis.similarities(query, target)
        return ops.matmul(normalize(query), ops.transpose(normalize(target)))

    def distances(self, query, target):
        """Squared L2 of one level's normalised queries and targets [N, C] -> [B, N], or what
        corresponds to it in [0, 4]."""
        if self.composition.pairwise:
            return 2 - 2 * artemis.similarities(query, target)
        return squared_distances(normalize(query), normalize(target))


def image_encoder(image_model, image_size, levels, batch_norm_decay, weight_decay):
    """Backbone as far as its levels (numbers, in order) go: images [B, S, S, 3] -> their maps."""
    if image_model == "resnet_v2_50":
        encoder = resnet_v2.resnet_v2_50(image_size, batch_norm_decay, weight_decay)
    else:
        settings = DEPTH_MULTIPLIERS[image_model], batch_norm_decay, weight_decay
        encoder = mobilenet_v1.mobilenet_v1(image_size, *settings)
    maps = [encoder.outputs[level] for level in levels]
    every = len(levels) == len(LEVELS)
    return encoder if every else keras.Model(encoder.inputs, maps, name=encoder.name)


def normalize(features):
    """features [B, C] -> the same with unit L2 norm."""
    square = ops.sum(ops.square(features), axis=-1, keepdims=True)
    return features * ops.rsqrt(ops.maximum(square, NORM_EPSILON))


def pool(levels):
    """Maps [B, H, W, C] of each level -> means over H and W, [B, C]; features stay as they are."""
    levels = [ops.cast(level, "float32") for level in levels]
    return [ops.mean(level, axis=(1, 2)) if level.ndim == 4 else level for level in levels]


def side_by_side(levels):
    """Features [B, C] of each level -> [B, D_low + D_mid + D_high], unit norm per level."""
    return ops.concatenate([normalize(level) for level in levels], axis=-1)


def squared_distances(a, b):
    """a [B, D], b [N, D] -> squared L2 distances [B, N]."""
    squares = ops.sum(ops.square(a), 1)[:, None] + ops.sum(ops.square(b), 1)[None, :]
    return ops.maximum(squares - 2 * ops.matmul(a, ops.transpose(b)), 0)


def matching_loss(distances, labels, margin, negatives, as_published):
    """Triplet loss of one direction: mean over i of max(0, d[i, i] - min_j d[i, j] + margin).

    distances: [B, N], the diagonal are the positives; N > B with negatives that are no targets.
    labels: [N]; what has the label of i is no negative. negatives: "hardest", or "semi_hard" where
    negatives closer than the positive of i are left out; as_published compares with the positive of
    j instead (published loss.py broadcasts along the wrong axis). Paper Eq. 9."""
    positives = ops.diagonal(distances)
    excluded = labels[: positives.shape[0], None] == labels[None, :]
    if negatives == "semi_hard":
        positive = positives[None, :] if as_published else positives[:, None]
        excluded = ops.logical_or(excluded, distances < positive)
    nearest = ops.min(distances + MASKED * ops.cast(excluded, distances.dtype), axis=1)
    return ops.mean(ops.maximum(positives - nearest + margin, 0))


def bidirectional_matching_loss(distances, labels, margin, negatives, as_published):
    """Triplet loss of both directions, as in matching_loss -> scalar. Only the queries have
    negatives that are no targets."""
    settings = margin, negatives, as_published
    queries = distances.shape[0]
    back = ops.transpose(distances[:, :queries])
    return matching_loss(distances, labels, *settings) + matching_loss(
        back, labels[:queries], *settings
    )


def softmax_loss(similarities, labels):
    """In-batch classification: the target of each query among the batch's targets.

    similarities: [B, N] in [-1, 1], the diagonal are the pairs, N > B with images that are no
    targets; labels: [N]; others with the label of a query's own don't count -> scalar. One
    direction, query to target, as in google/tirg's img_text_composition_models.py: it is what
    retrieval asks for."""
    queries, images = similarities.shape
    equal = ops.cast(labels[:queries, None] == labels[None, :], similarities.dtype)
    excluded = equal - ops.eye(queries, images, dtype=similarities.dtype)
    logits = SOFTMAX_SCALE * similarities - MASKED * excluded
    return -ops.mean(ops.diagonal(ops.log_softmax(logits, axis=-1)))
