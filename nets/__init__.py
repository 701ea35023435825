"""The networks of model.py, in keras and keras.ops; they take values, never flags."""
