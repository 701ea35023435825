"""A folder of pictures as an index, asked with a picture and a sentence: catalogue/README.md."""

import command_line  # noqa: F401 - before TensorFlow, which it quiets
