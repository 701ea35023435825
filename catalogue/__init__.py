"""A folder of pictures as an index, asked with a picture and a sentence: catalogue/README.md."""
