"""Tokens, ids, and the file they are kept in."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_line.errors import InputError
from datasets.vocabulary import Vocabulary, tokenize


def test_tokenize():
    assert tokenize("Is RED.dotted; A-line, 3/4 ombré!") == "is red dotted a line 3 4 ombré".split()
    for mark in string.punctuation:
        assert tokenize(f"red{mark}blue") == ["red", "blue"]
    assert tokenize(" .?! ") == []
    assert tokenize("ＲＥＤ ombre\u0301 ﬁne") == ["red", "ombré", "fine"]  # NFKC


def test_ids():
    vocabulary = Vocabulary.build(["is red", "is Blue."])
    assert vocabulary.words == ["<pad>", "<unk>", "blue", "is", "red"] and len(vocabulary) == 5
    assert vocabulary.encode("is green, is red", 8) == [3, 1, 3, 4]
    assert vocabulary.encode("is green, is red", 2) == [3, 1]
    assert vocabulary.encode("...", 8) == vocabulary.encode("", 8) == [1]
    assert vocabulary.encode("<pad> <unk>", 8) == [1, 1]


@given(st.lists(st.text()))
def test_saved_vocabulary_is_the_same(tmp_path_factory, captions):
    path = tmp_path_factory.getbasetemp() / "vocab.txt"
    vocabulary = Vocabulary.build(captions)
    vocabulary.save(path)
    assert Vocabulary.load(path).words == vocabulary.words
    assert Vocabulary.build(captions[::-1]).words == vocabulary.words
    for caption in captions:
        tokens = tokenize(caption)
        assert [vocabulary.words[i] for i in vocabulary.encode(caption, 1000)] == (
            tokens[:1000] or ["<unk>"]
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<pad>\n<unk>\nred\nblue\nred\n", r"vocab\.txt:5: 'red' is also on line 3"),
        (b"<pad>\n<unk>\nred\n\nblue\n", r"vocab\.txt:4: '' is not one word"),
        (b"<pad>\n<unk>\nlight red\n", r"vocab\.txt:3: 'light red' is not one"),
        (b"<pad>\n<unk>\nred\n<unk>\n", r"vocab\.txt:4: '<unk>' is also on line 2"),
        (b"<pad>\n<unk>\nred\ncaf\xe9\n", r"vocab\.txt:4: not UTF-8"),
        (b"red\nblue\n", r"vocab\.txt:1: a vocabulary starts with"),
        (b"", r"vocab\.txt:1: a vocabulary starts with"),
    ],
)
def test_bad_file(tmp_path, content, message):
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        Vocabulary.load(tmp_path / "vocab.txt")


def test_words_of_another_tokenizer_are_kept_and_never_looked_up(tmp_path):
    words = ["<pad>", "<unk>", "<UNK>", "a-line", "n't", "Red", "line"]
    Vocabulary(words).save(tmp_path / "vocab.txt")
    vocabulary = Vocabulary.load(tmp_path / "vocab.txt")
    assert vocabulary.words == words
    assert vocabulary.encode("an a-line, isn't Red", 8) == [1, 1, 6, 1, 1, 1]
