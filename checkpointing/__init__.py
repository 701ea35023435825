"""What a run keeps, and weights by their published names."""

import command_line  # noqa: F401 - before TensorFlow, which it quiets
