"""Ranks the pictures of a folder for a picture and a sentence that says what should differ:

    python example.py QUERY.jpg "is red with longer sleeves" FOLDER

Needs numpy, pillow and onnxruntime, or for the SavedModel tensorflow. export.json explains it all.
"""

import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
from pictures import SUFFIXES, as_seen, resize
from PIL import Image

HERE = Path(__file__).resolve().parent
ABOUT = json.loads((HERE / "export.json").read_text(encoding="utf-8"))
IMAGES, TOKENS = ABOUT["images"], ABOUT["tokens"]
LINES = (HERE / TOKENS["vocabulary"]).read_text(encoding="utf-8").split("\n")
TOKEN_OF = {word: token for token, word in enumerate(LINES)}
BATCH = 32  # pictures at a time


def load(encoder):
    """ "query" or "gallery" -> function of inputs by name -> features [B, D]"""
    if (HERE / f"{encoder}.onnx").exists():
        import onnxruntime

        session = onnxruntime.InferenceSession(HERE / f"{encoder}.onnx")
        return lambda **inputs: session.run(["features"], inputs)[0]
    import tensorflow as tf

    model = tf.saved_model.load(str(HERE / "saved_model"))

    def run(**inputs):
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return model.signatures[encoder](**tensors)["features"].numpy()

    return run


def read_image(path):
    """A picture file -> float32 [S, S, 3]; None, having said why, for what can't be read."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(as_seen(image))
        return resize(pixels, IMAGES["size"], not IMAGES["half_pixel_centres"])
    except Exception as error:  # a parser given hostile bytes raises anything
        print(f"not a readable picture: {path}: {error}", file=sys.stderr)
        return None


def read_words(text):
    """A sentence -> tokens [T] int32"""
    text = unicodedata.normalize("NFKC", text).lower()
    words = re.findall(TOKENS["pattern"], text)[: TOKENS["longest"]]
    tokens = [TOKEN_OF.get(word, TOKENS["unknown"]) for word in words]
    return np.array(tokens or [TOKENS["unknown"]], np.int32)


def read_folder(folder):
    """-> pictures in it, gallery features [N, D]; says how many files are left out."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    named = [path for path in files if path.suffix.lower() in SUFFIXES]
    gallery, paths, features = load("gallery"), [], []
    for start in range(0, len(named), BATCH):
        read = [(path, read_image(path)) for path in named[start : start + BATCH]]
        paths += [path for path, image in read if image is not None]
        images = [image for _, image in read if image is not None]
        features += [gallery(images=np.stack(images))] if images else []
    if len(paths) < len(files):
        others = f"{len(files) - len(named)} do not end in {' '.join(SUFFIXES)}"
        left_out = f"left out: {len(files) - len(paths)} of {len(files)} files, of which {others}"
        print(left_out, file=sys.stderr)
    if not paths:
        sys.exit(f"{folder}: no readable picture in it")
    return paths, np.concatenate(features)


def main(argv):
    if len(argv) != 3:
        sys.exit(__doc__)
    query, text, folder = argv
    tokens, image = read_words(text), read_image(query)
    if image is None:
        sys.exit(1)
    paths, features = read_folder(folder)
    lengths = np.array([len(tokens)], np.int32)
    asked = load("query")(images=image[None], tokens=tokens[None], lengths=lengths)
    distances = np.square(features - asked).sum(axis=1)
    for place in np.argsort(distances, kind="stable")[:10]:
        print(f"{distances[place]:8.4f}  {paths[place]}")


if __name__ == "__main__":
    main(sys.argv[1:])
