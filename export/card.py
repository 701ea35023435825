"""MODEL_CARD.md: what is said of an export for people, in the form of Hugging Face's cards."""

import json
from pathlib import Path

import datasets
from export.folder import digests

SHOWN = ("R@1", "R@10", "R@50")
DRAWN = "drawn garments in its released format (`python -m demo.generate_demo_data`)"
PLACES = ("checkpoint_dir", "data_path", "image_cache", "tensorboard", "keep_checkpoints")

CARD = """---
library_name: {library}
license: other
license_name: see-training-data
language: en
pipeline_tag: image-feature-extraction
tags:
- composed-image-retrieval
- image-search
- fashion
- val
datasets:
- {dataset}
metrics:
- recall
---

# VAL, {composition}, trained on {name}

A picture and a sentence that says what should differ ("is red with longer sleeves") become one
vector; so does every picture of a gallery; the nearest vectors, by squared L2, are the answer.
After Chen, Gong, Bazzani: *Image Search with Text Feedback by Visiolinguistic Attention Learning*,
CVPR 2020. Image encoder `{image_model}`, text encoder `{text_model}`; {dimensions} dimensions
({levels}).

    python example.py QUERY.jpg "is red" FOLDER

`export.json` says how pictures and words become inputs; `pictures.py` and `example.py` do it.
Weights are the run's averaged ones. Their features differ from the trained model's by at most \
(relative) {differences}.

## Intended use and limits

Search in pictures of the kind it was trained on: {name}, {source}. Beyond them it has not been
measured. It knows the {words} words of `vocabulary.txt`, English; others count as one unknown word.
A nearest picture always exists: a small distance is no promise that it fits. It is not made to
recognise people, and must not be used for that.

## Training

Checkpoint of update {step}.

| setting | value |
|---|---|
{settings}

## Data and licences

{name}: {source}. {pretrained}Code: Apache-2.0. Data sets and pretrained weights belong to their
authors; whether weights learned from them may be passed on or sold is for their terms to say.

## Results

{results}

## Files

Made {time} with {versions}. Checkpoint `{checkpoint}`:

{checkpoint_files}

sha-256 of the files beside this card:

{files}
"""


def write_card(folder, name, about, kinds):
    """Writes the file `name`, which lists the ones there. about: contents of export.json."""
    Path(folder, name).write_text(card(about, kinds, digests(folder)), encoding="utf-8")


def card(about, kinds, files):
    """kinds: of model files, as "onnx"; files: {name: sha-256} -> the card's text."""
    config, dataset = about["config"], about["config"]["dataset"]
    return CARD.format(
        library="tf-keras" if kinds == ["saved_model"] else "onnx",
        dataset=dataset,
        name=datasets.READERS[dataset].TITLE,
        composition=f"composition `{config['composition']}`",
        image_model=config["image_model"],
        text_model=config["text_model"],
        dimensions=f"{sum(about['levels'].values()):,}",
        levels=", ".join(f"{level} {size:,}" for level, size in about["levels"].items()),
        differences=", ".join(f"{name} {d:.1e}" for name, d in about["differences"].items()),
        source=source(config),
        words=f"{about['tokens']['words'] - 2:,}",
        step=f"{about['checkpoint']['step']:,}",
        settings="\n".join(
            f"| `{name}` | {'`' + json.dumps(value) + '`'} |"
            for name, value in config.items() if name not in PLACES
        ),
        pretrained=pretrained(config),
        results=results(about["scores"], config),
        time=about["time"],
        versions=", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        checkpoint=about["checkpoint"]["path"],
        checkpoint_files=listing(about["checkpoint"]["sha256"]),
        files=listing(files),
    )  # fmt: skip


def source(config):
    """Where the training data come from, as far as can be told now."""
    data, released = Path(config["data_path"]), datasets.READERS[config["dataset"]].SOURCE
    if data.is_dir():
        return DRAWN if (data / datasets.DRAWN).exists() else released
    unknown = f"which it was is not known, `{data}` was gone when this was exported"
    return f"{released}; or drawn garments: {unknown}"


def pretrained(config):
    image, words = config["pretrain_checkpoint_dir"], config["word_embedding_dir"]
    glove = "Word embeddings started from GloVe (nlp.stanford.edu/projects/glove). "
    return f"Image encoder started from `{image}`. " * bool(image) + glove * bool(words)


def terms(score, config):
    """Protocol and what else a score depends on, where that is not the usual."""
    parts = [score["protocol"], f"reference {score['reference']}"]
    if score["precision"] not in (None, "float32"):
        parts.append(score["precision"])
    if score["data_path"] != config["data_path"]:
        parts.append(f"data of {score['data_path']}")
    return ", ".join(parts)


def results(scores, config):
    """A table of the scores, or that there are none."""
    if not scores:
        return (
            "None recorded for this checkpoint. `extract_features_val.py` and `test_val.py` "
            "measure them; export again after that."
        )
    lines = [
        f"| subset | protocol | {' | '.join(SHOWN)} | queries | gallery | missing images |",
        "|---" * (len(SHOWN) + 5) + "|",
    ]
    for score in scores:
        cells = [f"{score[n]:.2f} [{low:.1f}, {high:.1f}]" for n in SHOWN
                 for low, high in [score["interval_95"][n]]]  # fmt: skip
        lines.append(
            f"| {score['subset'] or 'all'} | {terms(score, config)} | "
            f"{' | '.join(cells)} | {score['queries']:,} of {score['all_queries']:,} | "
            f"{score['gallery']:,} of {score['all_gallery']:,} | {score['missing_images']:,} |"
        )
    return "\n".join([
        "Recall in %; brackets: 95 % intervals, bootstrap over the triplets. Scored by "
        "`test_val.py`, before the export.", "", *lines,
    ])  # fmt: skip


def listing(files):
    return "\n".join(f"    {sha}  {name}" for name, sha in files.items())
