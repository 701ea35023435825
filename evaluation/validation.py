"""Recall@K of a model in training."""

import numpy as np

import datasets
from datasets.find_images import require_images
from evaluation.encoder import Encoder, encode_captions
from evaluation.groundtruth import build_groundtruth
from evaluation.ranking import rank_correct
from evaluation.recall import recall_at_k


class Validation:
    """Recall@K of a model in training on the validation queries (protocol val): its mean over the
    subsets, over the queries and gallery images whose files exist."""

    def __init__(self, config, vocabulary):
        self.config, self.encoder = config, None
        self.parts = []
        for subset in datasets.subsets(config.dataset):
            truth = build_groundtruth(config.dataset, config.data_path, subset)
            paths = require_images(config, subset, truth.query_references, truth.gallery)
            queries = [i for i, name in enumerate(truth.query_references) if name in paths]
            columns = [i for i, name in enumerate(truth.gallery) if name in paths]
            new_column = np.full(len(truth.gallery) + 1, -1)  # [-1] stays -1
            new_column[columns] = np.arange(len(columns))
            self.parts.append(
                (
                    [paths[truth.query_references[i]] for i in queries],
                    encode_captions(config, vocabulary, [truth.captions[i] for i in queries]),
                    [paths[truth.gallery[i]] for i in columns],
                    truth.correct[queries][:, columns],
                    new_column[truth.references[queries]],
                )
            )

    def __call__(self, model):
        if self.encoder is None:
            self.encoder = Encoder(model, self.config, batch_size=32, progress=False)
        recalls = []
        for references, captions, gallery_paths, correct, own in self.parts:
            queries, gallery = self.encoder.features(references, captions, gallery_paths)
            ranks = rank_correct(queries, gallery, correct, own).ranks
            recalls.append([recall_at_k(ranks, k) for k in (1, 10, 50)])
        return dict(zip(("R@1", "R@10", "R@50"), np.mean(recalls, axis=0).tolist(), strict=True))
