"""A trained model out of the repository: SavedModel, ONNX, a description, an example and a card.

encoders.py makes the two functions, model_files.py their files, description.py and card.py what is
said of them; folder.py reads an export again, without TensorFlow. example.py is copied into every
export, and datasets/pictures.py: they import nothing of ours.
"""
