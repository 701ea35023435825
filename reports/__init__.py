"""Pictures and tables of what was trained and scored: python -m reports.<name>."""
