"""Compositions and parts of VAL under equal terms: the same training, tuning and statistics."""
