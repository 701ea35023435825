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
from pictures import as_seen, resize
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


def read_images(paths):
    """Picture files -> float32 [B, S, S, 3]"""
    grid = IMAGES["size"], not IMAGES["half_pixel_centres"]
    pixels = [np.asarray(as_seen(Image.open(path))) for path in paths]
    return np.stack([resize(picture, *grid) for picture in pixels])


def read_words(text):
    """A sentence -> tokens [T] int32"""
    text = unicodedata.normalize("NFKC", text).lower()
    words = re.findall(TOKENS["pattern"], text)[: TOKENS["longest"]]
    tokens = [TOKEN_OF.get(word, TOKENS["unknown"]) for word in words]
    return np.array(tokens or [TOKENS["unknown"]], np.int32)


def main(query, text, folder):
    tokens, gallery = read_words(text), load("gallery")
    asked = load("query")(
        images=read_images([query]), tokens=tokens[None], lengths=np.array([len(tokens)], np.int32)
    )
    endings = (".jpg", ".jpeg", ".png")
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in endings)
    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    features = np.concatenate([gallery(images=read_images(batch)) for batch in batches])
    distances = np.square(features - asked).sum(axis=1)
    for place in np.argsort(distances, kind="stable")[:10]:
        print(f"{distances[place]:8.4f}  {paths[place]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
