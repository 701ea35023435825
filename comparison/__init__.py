"""Compositions and parts of VAL under equal terms: the same training, tuning and statistics."""

import command_line  # noqa: F401 - before TensorFlow, which it quiets
