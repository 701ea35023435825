"""A run's folder as training leaves it, with weights drawn by name, made in a second."""

import tensorflow as tf

from checkpointing.published_names import named_variables
from checkpointing.run import Saver, prepare_run
from config import make_config, model_settings
from datasets.vocabulary import Vocabulary
from model import VAL
from tests.support.golden_recipes import draw

CAPTIONS = ["is red with longer sleeves", "is darker and shorter", "has a floral print", "a dress"]


def drawn_model(config, vocabulary_size, scale=1.0):
    """A model on golden recipe B's weights, scaled: an untrained net's features vanish at
    inference."""
    model = VAL(vocabulary_size, **model_settings(config))
    for name, variable in named_variables(model).items():
        variable.assign(scale * draw(name, variable.shape, "B"))
    return model


def write_run(folder, step=7, scale=1.0, **settings):
    """A checkpoint model.ckpt-<step> of a tiny VAL in folder -> config. scale: of the weights."""
    config = make_config(**{
        **dict(dataset="shoes", checkpoint_dir=str(folder), image_model="mobilenet_v1_025",
               image_size=64, word_embedding_size=8, text_embedding_size=16,
               joint_embedding_size=12, batch_norm_decay=0.9),
        **settings,
    })  # fmt: skip
    vocabulary = Vocabulary.build(CAPTIONS)
    prepare_run(config, vocabulary)
    variables = named_variables(drawn_model(config, len(vocabulary), scale))
    checkpoint = tf.train.Checkpoint(
        averages={name: v.value for name, v in variables.items() if v.trainable},
        weights={name: v.value for name, v in variables.items() if not v.trainable},
    )
    Saver(checkpoint, folder, keep=1).save(step)
    return config
