"""Pictures that are copies of each other, as one."""

import numpy as np

CHUNK = 64  # images whose vectors are read and compared at once


def fold(images, vectors, bound, wanted, check=lambda: None):
    """Images, in their order -> [(place of one, [places of the later ones that are its copies])],
    at most `wanted`; each is a copy of the first it is near to.

    vectors: function (some of images) -> float32 [n, D]. bound: squared L2 below which two are
    copies. check: called before each CHUNK. Takes len(images) x wanted x D products, and memory for
    `wanted` vectors."""
    groups, kept = [], None
    for start in range(0, len(images), CHUNK):
        check()
        part = vectors(images[start : start + CHUNK]).astype(np.float64)
        if kept is None:
            kept = np.empty((min(wanted, len(images)), part.shape[1]))
        near = squared_distances(part, kept[: len(groups)]) < bound
        for row in np.flatnonzero(near.any(axis=1)).tolist():
            groups[near[row].argmax()][1].append(start + row)
        rest = np.flatnonzero(~near.any(axis=1)).tolist()
        near = squared_distances(part[rest], part[rest]) < bound
        new = {}  # {place in rest: its group}
        for place, row in enumerate(rest):
            same = next((new[earlier] for earlier in new if near[place, earlier]), None)
            if same is not None:
                groups[same][1].append(start + row)
            elif len(groups) < len(kept):
                kept[len(groups)], new[place] = part[row], len(groups)
                groups.append((start + row, []))
    return groups


def squared_distances(some, others):
    """[n, D], [m, D] float64 -> [n, m]; off by some 1e-15 of the squared norms."""
    squares = [np.square(rows).sum(axis=1) for rows in (some, others)]
    # Not by BLAS, whose threads wait for each other on busy cores, as open_gallery.py says.
    products = np.einsum("nd,md->nm", some, others)
    return squares[0][:, None] + squares[1] - 2 * products
