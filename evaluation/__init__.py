"""From a model to features, from features to ranks and recall."""

import command_line  # noqa: F401 - before TensorFlow, which it quiets
