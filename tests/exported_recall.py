"""Recall of an export on FashionIQ's files, through its own example.py: no test, a tool.

    ANY_PYTHON tests/exported_recall.py EXPORT_DIR DATA_PATH [PROTOCOL]

Needs numpy, pillow and onnxruntime alone. To be compared, digit by digit, with what
extract_features_val.py and test_val.py say of the checkpoint. DATA_PATH holds the ground truth
(generate_groundtruth.py) and image_data/<category>/<name>.jpg.
"""

import json
import sys
from pathlib import Path

import numpy as np

CATEGORIES = ("dress", "shirt", "toptee")
BATCH = 32


def batches(items):
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]


def main(export_dir, data_path, protocol="val"):
    sys.path.insert(0, export_dir)
    import example

    query, gallery = example.load("query"), example.load("gallery")
    means = []
    for category in CATEGORIES:
        with np.load(Path(data_path, f"groundtruth_{category}_{protocol}.npz")) as truth:
            correct, row_ends, own = (truth[n] for n in ("indices", "row_ends", "references"))
            references, captions, names = json.loads(truth["texts"].tobytes())
        folder = Path(data_path, "image_data", category)

        def images(some, folder=folder):
            return np.stack([example.read_image(folder / f"{name}.jpg") for name in some])

        found = np.concatenate([gallery(images=images(some)) for some in batches(names)])
        asked = []
        for some in batches(list(zip(references, captions, strict=True))):
            words = [example.read_words(caption) for _, caption in some]
            lengths = np.array([len(tokens) for tokens in words], np.int32)
            tokens = np.zeros((len(some), lengths.max()), np.int32)
            for row, own_words in zip(tokens, words, strict=True):
                row[: len(own_words)] = own_words
            pictures = images([reference for reference, _ in some])
            asked.append(query(images=pictures, tokens=tokens, lengths=lengths))
        found, hits = found.astype(np.float64), {k: 0 for k in (1, 10, 50)}
        for row, features in enumerate(np.concatenate(asked)):
            distances = np.square(found - features).sum(axis=1)
            if own[row] >= 0:
                distances[own[row]] = np.inf
            nearest = distances[correct[row_ends[row] : row_ends[row + 1]]].min()
            rank = np.count_nonzero(distances < nearest)
            for k in hits:
                hits[k] += rank < k
        recalls = [100 * hits[k] / len(captions) for k in hits]
        means.append(recalls)
        scores = zip(hits, recalls, strict=True)
        print(f"{category}: {', '.join(f'R@{k} = {score:.2f}' for k, score in scores)}", flush=True)
    print(f"mean R@10 = {np.mean(means, axis=0)[1]:.2f}, R@50 = {np.mean(means, axis=0)[2]:.2f}")
    print("imported:", *(name for name in ("onnxruntime", "tensorflow") if name in sys.modules))


if __name__ == "__main__":
    main(*sys.argv[1:])
