"""Where a run starts: ImageNet weights and GloVe vectors, or stage 1's encoders."""

import keras

from checkpointing.precision import dtype_policy
from checkpointing.published_names import assign_variables, named_variables, restore_image_encoder
from checkpointing.run import load_trained_model
from command_line.errors import InputError
from config import model_settings
from datasets.glove import embedding_matrix, read_glove
from model import VAL
from nets.compositions import COMPOSITIONS


def initial_model(config, vocabulary):
    """The model before its first update -> (model, averages {published name: array}).

    Averages start as the weights do; as published, before these take any that are given."""
    keras.utils.set_random_seed(config.seed)
    with dtype_policy(config.precision):
        model = VAL(len(vocabulary), **model_settings(config))
        averages = trained_weights(model)
        start_weights(config, model, vocabulary)
    return model, averages if config.as_published else trained_weights(model)


def trained_weights(model):
    """{published name: array}"""
    return {name: v.numpy() for name, v in named_variables(model).items() if v.trainable}


def start_weights(config, model, vocabulary):
    """Fills the model's weights from the files that the settings name."""
    if folder := config.stage1_folder:
        stage1, _, words, path = load_trained_model(folder)
        if words.words != vocabulary.words:
            raise InputError(f"{folder}: trained with another vocabulary")
        # Its own text_only layers and its step counter stay behind.
        for part in ("image_encoder", "text_encoder", "text_projection"):
            if hasattr(model, part):
                copy_variables(getattr(stage1, part), getattr(model, part), path)
        return
    if config.pretrain_checkpoint_dir:
        restore_image_encoder(model.image_encoder, config.pretrain_checkpoint_dir)
    if config.word_embedding_dir and COMPOSITIONS[config.composition].uses_text:
        vectors = read_glove(
            config.word_embedding_dir, vocabulary.words, config.word_embedding_size
        )
        matrix = embedding_matrix(
            vocabulary.words, vectors, config.word_embedding_size, config.seed
        )
        named_variables(model.text_encoder)["RNN/token_embedding_weights"].assign(matrix)
        print(f"GloVe: {len(vectors)} of {len(vocabulary) - 2} words have a vector", flush=True)


def copy_variables(source, target, where):
    """Assigns a net's variables from those of the same net in another model."""
    arrays = {name: variable.numpy() for name, variable in named_variables(source).items()}
    assign_variables(named_variables(target), arrays, where)
