"""Pictures and tables of what was trained and scored: python -m reports.<name>."""

import command_line  # noqa: F401 - before TensorFlow, which it quiets
