"""Settings of a training run: declared once here, written to config.json, read by every later stage.

A preset sets every setting it does not leave to the user (WHAT_AND_WHERE); flags after it override.
Sources: the paper's section 4 and the published run scripts and train_val.py.
"""

import argparse
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from errors import InputError

DATASETS = ("fashion_iq", "shoes", "fashion200k")
IMAGE_MODELS = ("resnet_v2_50", "mobilenet_v1", "mobilenet_v1_050", "mobilenet_v1_025")
CONFIG_FILE = "config.json"


@dataclass(frozen=True)
class Config:
    """One run. Names follow the published flags where the thing is the same."""

    # what and where
    dataset: str = "fashion_iq"  # fashion_iq | shoes | fashion200k
    data_path: str = ""  # root of one data set; empty: data/<dataset>
    checkpoint_dir: str = ""  # where the run is kept; empty: save_model/<dataset>
    # image encoder
    image_model: str = "resnet_v2_50"
    pretrain_checkpoint_dir: str = ""  # slim ImageNet checkpoint, file or folder; empty: none
    image_size: int = 256  # pixels, height and width
    batch_norm_decay: float = 0.997  # of the moving mean and variance
    # text encoder
    word_embedding_size: int = 300
    text_embedding_size: int = 1024  # LSTM units
    joint_embedding_size: int = 512  # text feature that meets the image
    max_caption_words: int = 64  # longer captions are cut, and counted
    dropout: float = 0.1  # of the text feature and of the self-attention
    # composition and loss
    composition: str = "val"  # val | image_only | text_only
    loss: str = "semi_hard"  # semi_hard | hardest | softmax
    margin: float = 0.2  # of the triplet loss, squared L2
    weight_decay: float = 4e-5  # times sum(w^2) / 2 over convolution kernels
    # training
    batch_size: int = 32  # pairs
    train_length: int = 50_000  # optimizer updates
    init_learning_rate: float = 6.3e-5  # what the published 2e-4 acts as; see README, Differences
    decay_at: int = 0  # update after which the rate is x0.1; 0: constant
    average_decay: float = 0.9999  # of the averaged weights, per update
    augmentation: bool = True  # random horizontal flip, each image on its own
    crop_from: int = 0  # pixels; resize to a square drawn from [image_size, crop_from), crop; 0: off
    save_length: int = 1000  # updates between checkpoints
    print_span: int = 20  # updates between lines of train_log.csv
    eval_length: int = 0  # updates between Recall@K on the validation queries; 0: never
    keep_checkpoints: int = 3
    allow_missing: bool = False  # train and evaluate although images are missing
    as_published: bool = False  # the published quirks; see README, Differences
    seed: int = 0
