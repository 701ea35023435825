"""Speed, measured beside a bare step, a bare matrix product and the published code."""

import command_line  # noqa: F401 - before TensorFlow, which it quiets
