"""Feature folders as extract_features_val.py writes them, small and random."""

import json

import numpy as np
import scipy.sparse

from evaluation.groundtruth import GroundTruth


def write_features(folder, truths, dims=8, missing=(), seed=0, **metadata):
    """Random features for {protocol: GroundTruth}, in the layout of extract_features_val.py."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    names = sorted({name for truth in truths.values() for name in truth.gallery} - set(missing))
    keys = [
        {"protocol": protocol, "row": row, "reference": reference, "caption": caption}
        for protocol, truth in truths.items()
        for row, (reference, caption) in enumerate(
            zip(truth.query_references, truth.captions, strict=True)
        )
        if reference not in missing
    ]
    np.save(folder / "test_images.npy", rng.standard_normal((len(names), dims), np.float32))
    np.save(folder / "query_images.npy", rng.standard_normal((len(keys), dims), np.float32))
    (folder / "test_images.txt").write_text("".join(f"{name}\n" for name in names))
    (folder / "queries.jsonl").write_text("".join(json.dumps(key) + "\n" for key in keys))
    metadata = {
        **dict(dataset="shoes", subset="", missing_images=len(missing), checkpoint="c-7", step=7),
        **dict(composition="val", precision="float32", seed=0, versions={}),
        **metadata,
    }
    (folder / "features.json").write_text(json.dumps(metadata))


def shoes_truth():
    """Six queries against five images; each query's target is its number, modulo five."""
    gallery = [f"img_womens_boots_{i}.jpg" for i in range(5)]
    return GroundTruth(
        scipy.sparse.csr_array(np.eye(5, dtype=bool)[[0, 1, 2, 3, 4, 0]]),
        np.array([1, 2, 3, 4, 0, 1]),
        [gallery[i] for i in (1, 2, 3, 4, 0, 1)],
        [f"caption {i}" for i in range(6)],
        gallery,
    )
