"""Hypothesis: no deadline (the machine may be busy), the same examples each run."""

from hypothesis import settings

settings.register_profile("repository", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("repository")
