"""Where a run starts: ImageNet weights and GloVe vectors, or stage 1's encoders."""

from checkpointing.published_names import assign_variables, named_variables, restore_image_encoder
from checkpointing.run import load_trained_model
from command_line.errors import InputError
from datasets.glove import embedding_matrix, read_glove


def start_weights(config, model, vocabulary):
    """Where a run starts: ImageNet weights and GloVe vectors, or stage 1's encoders."""
    if config.checkpoint_dir_stage1:
        stage1, _, words, path = load_trained_model(config.checkpoint_dir_stage1)
        if words.words != vocabulary.words:
            raise InputError(f"{config.checkpoint_dir_stage1}: trained with another vocabulary")
        # Its own text_only layers and its step counter stay behind.
        for part in ("image_encoder", "text_encoder", "text_projection"):
            if hasattr(model, part):
                copy_variables(getattr(stage1, part), getattr(model, part), path)
        return
    if config.pretrain_checkpoint_dir:
        restore_image_encoder(model.image_encoder, config.pretrain_checkpoint_dir)
    if config.word_embedding_dir and config.composition != "image_only":
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
