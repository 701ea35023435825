"""GloVe vectors for the words of a vocabulary, from the files of nlp.stanford.edu/projects/glove.

Streams the text file (6B, 42B, 840B; also inside its .zip), keeps the vocabulary's words, lists
those without a vector. --output writes what was found, GloVe text again but small:
  python read_glove.py --vocabulary=save_model/shoes/vocab.txt --word_embedding_dir=data/glove
"""

import textwrap

from command_line.errors import run_main
from command_line.flags import Flags
from datasets.glove import read_glove, save_glove
from datasets.vocabulary import PADDING, UNKNOWN, Vocabulary


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--vocabulary", required=True, help="vocab.txt of a run")
    parser.add_argument("--word_embedding_dir", default="data/glove", help="GloVe file or folder")
    parser.add_argument("--word_embedding_size", type=int, default=300)
    parser.add_argument("--output", help="file for the vectors found, GloVe text")
    flags = parser.parse_args(argv)
    words = [w for w in Vocabulary.load(flags.vocabulary).words if w not in (PADDING, UNKNOWN)]
    vectors = read_glove(flags.word_embedding_dir, words, flags.word_embedding_size)
    missing = [word for word in words if word not in vectors]
    print(f"{len(vectors):,} of {len(words):,} words have a vector, {len(missing):,} don't")
    print(textwrap.fill(" ".join(missing), 100) if missing else "", end="\n" if missing else "")
    if flags.output:
        save_glove(flags.output, vectors)
        print(f"wrote {flags.output}")


if __name__ == "__main__":
    run_main(main)
