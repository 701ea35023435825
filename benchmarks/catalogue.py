"""What a search and an index cost beside the least they could; about five minutes on 2 quiet cores.

  python -m benchmarks.catalogue [--vectors=100000] [--seconds=60] [--photographs=256]

A drawn index is asked with a photograph and a sentence, through MobileNet with drawn weights:
beside the bare float32 matrix-vector product over as much memory and one forward pass; then by 8
clients at once through the served API, beside the same queries in one process. Photographs are
indexed beside the encoder alone, and an unchanged folder of 10,000 is looked through again. The
last lines are name=value.
"""

import dataclasses
import http.client
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.extraction import settings
from benchmarks.machine import clock, draw_photographs
from catalogue.encoding import Encoding
from catalogue.file_index import FileIndex
from catalogue.identity import digest
from catalogue.indexing import BLOCK_ROWS, update_index
from catalogue.search import Searcher
from catalogue.store import Writer
from checkpointing.published_names import named_variables
from checkpointing.run import Saver, prepare_run
from command_line.errors import run_main
from command_line.flags import Flags
from config import model_settings
from datasets.vocabulary import Vocabulary
from evaluation.encoder import Encoder
from model import VAL

CLIENTS = 8
TEXT = "is red with longer sleeves"
UNCHANGED = 10_000  # images


def write_run(folder):
    """A checkpoint of MobileNet's preset with drawn weights."""
    config = dataclasses.replace(settings("mobilenet_v1"), checkpoint_dir=str(folder))
    vocabulary = Vocabulary.build([TEXT])
    prepare_run(config, vocabulary)
    keras.utils.set_random_seed(0)
    variables = named_variables(VAL(len(vocabulary), **model_settings(config)))
    parts = {"averages": True, "weights": False}
    Saver(tf.train.Checkpoint(**{
        part: {name: v.value for name, v in variables.items() if v.trainable == trained}
        for part, trained in parts.items()
    }), folder, 1).save(1)  # fmt: skip
    return config


def draw_index(index_dir, image_dir, run, vectors, dims):
    """An index of that many drawn vectors, of files that don't exist."""
    update_index(index_dir, image_dir, None, run)
    rng = np.random.default_rng(0)
    with Writer(index_dir) as writer, writer.rows:
        for block, start in enumerate(range(0, vectors, BLOCK_ROWS)):
            rows = np.abs(rng.standard_normal((min(BLOCK_ROWS, vectors - start), dims), np.float32))
            rows /= np.linalg.norm(rows, axis=1, keepdims=True) / np.sqrt(3)  # three unit levels
            writer.write_block(block, rows)
            halves = np.square(rows, dtype=np.float64).sum(axis=1) / 2
            names = [f"{start + k:08d}" for k in range(len(rows))]
            places = [(n, block, k, h) for k, (n, h) in enumerate(zip(names, halves, strict=True))]
            writer.rows.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?)", places)
            files = [(f"{name[:3]}/{name}.jpg", name) for name in names]
            writer.rows.executemany(
                "INSERT INTO files (path, size, mtime_ns, sha256, status, reason)"
                " VALUES (?, 1, 1, ?, 'ok', '')", files,
            )  # fmt: skip


def anonymous_bytes():
    """Memory of this process that is no mapped file; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def measure_query(index_dir, photograph, rounds):
    """One query's whole answer beside the least it could cost, in turn -> (values, searcher)."""
    content = photograph.read_bytes()
    searcher = Searcher(index_dir)
    query = searcher._encoding.query(content, TEXT)
    before = anonymous_bytes()
    another = FileIndex(index_dir)
    another.nearest(query, 10)
    beside = anonymous_bytes() - before
    del another
    features = np.concatenate(searcher.index._gallery.blocks)
    searcher.find(content, TEXT)
    ours, product, forward = [], [], []
    for _ in range(rounds):
        ours.append(clock(searcher.find, content, TEXT)[0])
        product.append(clock(np.matmul, features, query)[0])
        forward.append(clock(searcher._encoding.query, content, TEXT)[0])
    p50 = [1000 * float(np.median(times)) for times in (ours, product, forward)]
    values = dict(zip(("query_ms", "product_ms", "forward_ms"), p50, strict=True))
    values["ratio_to_bare"] = p50[0] / (p50[1] + p50[2])
    return values | {"beside_features_mb": beside / 1e6}, searcher


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure_served(index_dir, photograph, searcher, seconds):
    """8 clients against the served API, beside the same queries one by one in this process."""
    content, count, start = photograph.read_bytes(), 0, time.perf_counter()
    while time.perf_counter() - start < seconds / 4:
        searcher.find(content, TEXT)
        count += 1
    alone = count / (time.perf_counter() - start)
    port = free_port()
    command = [sys.executable, "search_catalogue.py", f"--index_dir={index_dir}", "--serve=True"]
    with subprocess.Popen([*command, f"--port={port}"], stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        times, errors, end = [], [], time.perf_counter() + seconds
        clients = [
            threading.Thread(target=ask, args=(port, content, end, times, errors))
            for _ in range(CLIENTS)
        ]
        start = time.perf_counter()
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        took = time.perf_counter() - start
        server.terminate()
    return {
        "served_errors": len(errors), "served_per_s": len(times) / took,
        "served_p95_ms": 1000 * float(np.percentile(times, 95)),
        "alone_per_s": alone, "served_to_alone": len(times) / took / alone,
    }  # fmt: skip


def ask(port, content, end, times, errors):
    """One client: the same query until `end`."""
    part = b'--edge\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = part % (b"text", TEXT.encode()) + part % (b'image"; filename="x', content) + b"--edge--"
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while time.perf_counter() < end:
        start = time.perf_counter()
        connection.request("POST", "/api/search", body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            errors.append(answer)
        times.append(time.perf_counter() - start)


def measure_indexing(root, run, config, photographs):
    """Images/s of an index beside the encoder's alone, in turn; then an unchanged folder."""
    encoding = Encoding(run, "model.ckpt-1")
    encoder = Encoder(encoding._encoder.model, config, 32, progress=False)
    some = [str(path) for path in photographs[:64]]
    encoder.images(some)
    encoding.files(some, [digest(Path(p)) for p in some], lambda done: None)
    wall, *_ = clock(encoder.images, photographs)
    ours, *_ = clock(
        update_index, root / "photographs_index", photographs[0].parent,
        lambda path: encoding.files, run,
    )  # fmt: skip
    folder = root / "unchanged"
    for number in range(UNCHANGED):
        path = folder / f"{number % 10}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photographs[0], path)
    command = [sys.executable, "index_catalogue.py", f"--checkpoint_dir={run}",
               f"--image_dir={folder}", f"--index_dir={root / 'unchanged_index'}"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    again, *_ = clock(subprocess.run, command)
    rates = len(photographs) / ours, len(photographs) / wall
    return {
        "indexed_per_s": rates[0], "encoder_per_s": rates[1],
        "ratio_to_encoder": rates[0] / rates[1], "unchanged_10000_s": again,
    }  # fmt: skip


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60, help="of the 8 clients")
    parser.add_argument("--photographs", type=int, default=256, help="indexed")
    parser.add_argument("--rounds", type=int, default=50, help="queries of each kind")
    flags = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "photographs").mkdir()
        (root / "empty").mkdir()
        photographs = draw_photographs(root / "photographs", flags.photographs)
        config = write_run(root / "run")
        dims = VAL(8, **model_settings(config)).feature_size
        draw_index(root / "index", root / "empty", root / "run", flags.vectors, dims)
        print(f"{flags.vectors:,} vectors x {dims:,} dimensions", flush=True)
        values, searcher = measure_query(root / "index", photographs[0], flags.rounds)
        values |= measure_served(root / "index", photographs[0], searcher, flags.seconds)
        values |= measure_indexing(root, str(root / "run"), config, photographs)
    for name, value in values.items():
        print(f"{name}={value:.3f}")


if __name__ == "__main__":
    run_main(main)
