"""Words and their ids: one vocabulary, built by training, saved beside the checkpoint, read by all.

The published code tokenises in four places that disagree, and glues punctuation to words
("reddotmark"), which GloVe cannot know; here punctuation separates words, everywhere.
"""

import re
import unicodedata

import numpy as np

from command_line.errors import InputError
from command_line.files import write_lines
from datasets.released_files import read_lines

PADDING, UNKNOWN = "<pad>", "<unk>"  # ids 0 and 1
WORD = r"[^\W_]+"  # of a text in lower case


def tokenize(text):
    """Lower-case words and numbers in Unicode's form NFKC, in which full-width and composed letters
    are the usual ones; everything else separates them: "A-line." -> a, line."""
    return re.findall(WORD, unicodedata.normalize("NFKC", text).lower())


class Vocabulary:
    """The words of a run. `words` lists them by id: padding, unknown, then alphabetical."""

    def __init__(self, words):
        self.words = list(words)
        self._ids = {word: i for i, word in enumerate(self.words)}

    @classmethod
    def build(cls, captions):
        """All words of the captions, in an order that does not depend on the captions' order."""
        words = {word for caption in captions for word in tokenize(caption)}
        return cls([PADDING, UNKNOWN, *sorted(words)])

    def __len__(self):
        return len(self.words)

    def encode(self, caption, max_words):
        """Ids of the first `max_words` words; a caption without any is one unknown word."""
        unknown = self._ids[UNKNOWN]
        ids = [self._ids.get(word, unknown) for word in tokenize(caption)[:max_words]]
        return ids or [unknown]

    def save(self, path):
        """One word a line, line number (from 0) = id; the file appears whole or not at all."""
        write_lines(path, self.words)

    @classmethod
    def load(cls, path):
        """The vocabulary `save` wrote; InputError naming the line for anything else."""
        words = read_lines(path)
        if words[:2] != [PADDING, UNKNOWN]:
            raise InputError(f"{path}:1: a vocabulary starts with the lines {PADDING}, {UNKNOWN}")
        return cls(check_words(words, path))


def check_words(words, path):
    """The words, when each is one word and there once; InputError naming the line.

    Converted lists (checkpointing/convert_published.py) hold words that tokenize never yields, like
    "a-line": those are never looked up."""
    line_of = {}
    for line, word in enumerate(words, 1):
        if word.split() != [word]:
            raise InputError(f"{path}:{line}: {word!r} is not one word")
        if word in line_of:
            raise InputError(f"{path}:{line}: {word!r} is also on line {line_of[word]}")
        line_of[word] = line
    return words


def pad(captions):
    """Lists of word ids -> tokens [B, T] int32, zero-padded, and lengths [B] int32."""
    lengths = np.array([len(words) for words in captions], np.int32)
    tokens = np.zeros((len(captions), lengths.max()), np.int32)
    for row, words in zip(tokens, captions, strict=True):
        row[: len(words)] = words
    return tokens, lengths
