"""What every command shares: errors in one line, flags, files that appear whole or not at all, and
a TensorFlow that starts fast and without a word: whatever imports TensorFlow imports this first."""

from command_line.tensorflow_start import fast_tensorflow, quiet_tensorflow

fast_tensorflow()
quiet_tensorflow()
