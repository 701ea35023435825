"""Compositions by name: what makes a query of the reference image's map and the text feature.

Read by settings and data pipelines too, so keras is imported only where a composer is built.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

PAIRWISE_VECTORS = 4  # of a query and level that is scored in pairs; nets.artemis
PAIRWISE_EPSILON = 1e-12  # of squared norms there


class Composition(NamedTuple):
    """What a composition uses, and how its layer for one level is built."""

    uses_image: bool
    uses_text: bool
    # (level, map_shape, text_size, **shared) -> layer of [map, text], of those that it uses;
    # maps [B, H, W, C] or features [B, C] come out. shared: see composite_transformer.
    composer: Callable
    has_attention: bool = False
    # Its query is no vector of the gallery's space: the two are scored as pairs (nets.artemis).
    pairwise: bool = False


def _image_only(level, map_shape, text_size, **shared):
    """The reference image as it is."""
    import keras

    return keras.layers.Identity(name=f"image_only{level}")


def _text_only(level, map_shape, text_size, **shared):
    """One dense layer from the text feature."""
    import keras

    layer = keras.layers.Dense(map_shape[-1], name=f"text_only{level}")
    layer.build((None, text_size))
    return layer


def _of(module, name, *arguments):
    """A function of a module here; with arguments, the function that it makes of them."""

    def build(level, map_shape, text_size, **shared):
        composer = getattr(importlib.import_module(f"nets.{module}"), name)
        composer = composer(*arguments) if arguments else composer
        return composer(level, map_shape, text_size, **shared)

    return build


_pooled = partial(_of, "pooled_compositions")


COMPOSITIONS = {
    "val": Composition(True, True, _of("attention", "composite_transformer"), has_attention=True),
    "image_only": Composition(True, False, _image_only),
    "text_only": Composition(False, True, _text_only),
    "sum": Composition(True, True, _pooled("sum_of_features")),
    "concat": Composition(True, True, _pooled("concatenation")),
    "tirg": Composition(True, True, _pooled("tirg")),
    "film": Composition(True, True, _of("film", "film")),
    "mrn": Composition(True, True, _pooled("mrn")),
    "rtic_1": Composition(True, True, _pooled("rtic", 1)),
    "rtic_4": Composition(True, True, _pooled("rtic", 4)),
    "composeae": Composition(True, True, _pooled("compose_ae")),
    "cosmo": Composition(True, True, _of("cosmo", "cosmo")),
    "artemis": Composition(True, True, _of("artemis", "artemis"), pairwise=True),
}
