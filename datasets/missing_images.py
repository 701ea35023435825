"""The images a run needs, and what to say when some are missing."""

import datasets
from command_line.errors import InputError


def require_images(config, subset, *names):
    """Files of the named images. Raises InputError when some are missing, unless the run allows
    it; then says how many."""
    wanted = {name for group in names for name in group}
    paths = datasets.image_paths(config.dataset, config.data_path, sorted(wanted), subset)
    missing = sorted(wanted - set(paths))
    if missing:
        what = (
            f"{config.data_path}: {len(missing)} of {len(wanted)} {subset} images are missing "
            f"(first: {missing[0]})".replace("  ", " ")
        )
        if not config.allow_missing:
            raise InputError(f"{what}; train with --allow_missing=True to do without them")
        print(what)
    return paths
