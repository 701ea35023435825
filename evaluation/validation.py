"""Recall@K of a model in training."""

import numpy as np

import datasets
from command_line.errors import InputError
from datasets.find_images import require_images
from evaluation.encoder import Encoder, encode_captions
from evaluation.groundtruth import build_groundtruth, keep_answerable
from evaluation.ranking import rank_correct
from evaluation.recall import PUBLISHED_RECALLS, recall_at_k, recall_name


class Validation:
    """Recall@K of a model in training on the validation queries (protocol val): its mean over the
    subsets, over the queries and gallery images whose files exist.

    Raises InputError where a subset has no query left."""

    def __init__(self, config, vocabulary):
        self.config, self.encoder = config, None
        self.parts = []  # (reference paths, captions, gallery paths, ground truth)
        for subset in datasets.subsets(config.dataset):
            truth = build_groundtruth(config.dataset, config.data_path, subset)
            paths = require_images(config, subset, truth.query_references, truth.gallery)
            askable = [name in paths for name in truth.query_references]
            _, truth = keep_answerable(truth, askable, paths)
            if not truth.captions:
                which = f"{subset} query".lstrip()
                flag = f"--eval_length={config.eval_length}"
                raise InputError(f"{flag}: no {which} has its images; 0 trains without")
            captions = encode_captions(config, vocabulary, truth.captions)
            references = [paths[name] for name in truth.query_references]
            self.parts.append((references, captions, [paths[n] for n in truth.gallery], truth))

    def __call__(self, model):
        """-> {"R@1": percent, ...}"""
        if self.encoder is None:
            self.encoder = Encoder(model, self.config, batch_size=32, progress=False)
        recalls = []
        for references, captions, gallery_paths, truth in self.parts:
            queries, gallery = self.encoder.features(references, captions, gallery_paths)
            asked, scorer = (queries, gallery, truth.correct, truth.references), self.encoder.scorer
            ranks = rank_correct(*asked, scorer=scorer).ranks
            recalls.append([recall_at_k(ranks, k) for k in PUBLISHED_RECALLS])
        names = map(recall_name, PUBLISHED_RECALLS)
        return dict(zip(names, np.mean(recalls, axis=0).tolist(), strict=True))
