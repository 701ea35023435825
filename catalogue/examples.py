"""Sentences to begin with: what the model's training captions say most often."""

from collections import Counter

import datasets
from command_line.errors import InputError
from config import load_config
from datasets.vocabulary import tokenize

MOST = 8
WORDS = range(2, 8)  # in a sentence that fits on a button


def example_sentences(checkpoint_dir):
    """[str] of the run's training captions; [] where they don't lie any longer, or are drawn."""
    config = load_config(checkpoint_dir)
    try:
        triplets = datasets.READERS[config.dataset].read_training(config.data_path).given
    except InputError:  # a run may be used without its data
        return []
    captions = (triplet.caption.strip().rstrip(".") for triplet in triplets)
    counts = Counter(text for text in captions if len(tokenize(text)) in WORDS and len(text) < 48)
    # Of sentences with the same words but one, only the first: variety helps more.
    chosen = []
    for text, _ in counts.most_common(500):
        words = set(tokenize(text))
        if all(len(words - set(tokenize(other))) > 1 for other in chosen):
            chosen.append(text)
    return chosen[:MOST]
