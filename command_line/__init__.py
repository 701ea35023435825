"""What every command shares: errors in one line, flags, files that appear whole or not at all, and
a TensorFlow that starts without a word: whatever imports TensorFlow imports this first."""

from command_line.quiet import quiet_tensorflow

quiet_tensorflow()
