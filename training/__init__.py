"""The loop, one update, the examples and the devices."""

import command_line  # noqa: F401 - before TensorFlow, which it quiets
