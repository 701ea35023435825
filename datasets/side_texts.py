"""Training images with text of their own, for the visual-semantic loss (paper, section 3.3).

FashionIQ: attribute tags; Shoes: shoe captions; Fashion200k: product captions.
"""

from pathlib import Path

from command_line.errors import InputError
from datasets.fashion200k import read_fashion200k
from datasets.fashion_iq import CATEGORIES
from datasets.records import SideText
from datasets.released_files import (
    check_caption,
    check_name,
    field,
    read_entries,
    read_json,
    read_names,
)

MAX_TAG_WORDS = 20  # published generate_tags_fashion_iq.py


def read_side_texts(dataset, data_path):
    """Images of the training split that have a text -> list[SideText], released order."""
    if dataset == "fashion200k":
        images = read_fashion200k(data_path, "train")
        return [SideText(image.path, image.caption) for image in images if image.caption]
    if dataset == "shoes":
        return _shoe_captions(data_path)
    texts = []
    for category in CATEGORIES:
        path = Path(data_path, "image_tag_dataset", "tags", f"asin2attr.{category}.train.json")
        for name, tags in read_json(path, dict).items():
            text = tag_text(tags, f"{path}: {name!r}")
            if text:
                texts.append(SideText(check_name(name, path), text, category))
    return texts


def tag_text(tags, place):
    """Lists of tags -> words of the lists reversed, lower case, each once, the last 20."""
    try:
        words = [word for tag_list in reversed(tags) for tag in tag_list for word in tag.split()]
    except (TypeError, AttributeError):
        raise InputError(f"{place}: tags are not a list of lists of words") from None
    return " ".join(list(dict.fromkeys(word.lower() for word in words))[-MAX_TAG_WORDS:])


def _shoe_captions(data_path):
    train = set(read_names(Path(data_path, "train_im_names.txt")))
    texts = []
    for place, entry in read_entries(Path(data_path, "captions_shoes.json")):
        name = check_name(field(entry, "ImageName", place), place)
        text = check_caption(field(entry, "Caption", place), place)
        if name in train and text:
            texts.append(SideText(name, text))
    return texts
