"""A folder of pictures as an index, asked with a picture and a sentence: catalogue/README.md."""

from command_line.tensorflow_start import start_tensorflow

start_tensorflow()
