"""The vectors of a catalogue in PostgreSQL: loaded, indexed by HNSW, searched, the recall measured.

The table holds them once, as float32; pgvector's index is over what they are in half precision,
which takes up to 4,000 dimensions where single precision takes 2,000.
"""

import hashlib
import time

import numpy as np

from catalogue.database import configure
from command_line.errors import InputError
from evaluation.ranking import distances

EXACT = 2000  # images in a folder (or in all) up to which all of them are compared
SPARE = 20  # candidates beyond twice those wanted: half precision orders near ones differently
EF_SEARCH = 200, 1000  # of hnsw.ef_search: what it is at least; pgvector's most
MOST_DIMENSIONS = 4000  # of a halfvec in an HNSW index
BUILD_MEMORY = 2**30  # bytes that maintenance_work_mem is raised to for the index, if it needs them
GRAPH_NODE = 720  # bytes in that memory beside the vector's, measured
SAMPLE, NEIGHBOURS, RECALL_SECONDS = 100, 10, 20  # queries of the recall, if there is time for them
INSIDE = "f.path >= %(first)s", "f.path >= %(first)s AND f.path < %(end)s"  # all, of a folder
APPROXIMATE = """
SELECT v.sha256, v.feature FROM catalogue.vectors v
CROSS JOIN LATERAL (
  SELECT FROM catalogue.files f WHERE f.sha256 = v.sha256 AND {inside} LIMIT 1) named
WHERE v.sha256 <> ALL (%(without)s::bytea[])
ORDER BY v.feature::halfvec({dims}) <-> %(query)s::halfvec({dims}) LIMIT %(count)s
"""
COMPARED = """
SELECT v.sha256, v.feature FROM catalogue.vectors v
WHERE v.sha256 <> ALL (%(without)s::bytea[])
  AND EXISTS (SELECT FROM catalogue.files f WHERE f.sha256 = v.sha256 AND {inside})
ORDER BY v.feature <-> %(query)s FETCH FIRST %(count)s ROWS WITH TIES
"""
PROBED = """
SELECT DISTINCT v.sha256, v.feature FROM unnest(%s::bytea[]) AS probe
CROSS JOIN LATERAL (
  SELECT sha256, feature FROM catalogue.vectors WHERE sha256 >= probe ORDER BY sha256 LIMIT 1) v
"""


def bounds(within):
    """A folder -> {"first", "end"} of its names; end is "" for all names."""
    return {"first": within, "end": within[:-1] + "0" if within else ""}


def load(connection, shas, features):
    """Copies vectors into the database. Raises InputError for more dimensions than it can index."""
    from pgvector import Vector

    if features.size and features.shape[1] > MOST_DIMENSIONS:
        raise InputError(
            f"features have {features.shape[1]:,} dimensions, pgvector's HNSW index takes "
            f"{MOST_DIMENSIONS:,}: use --index_dir"
        )
    into = "COPY catalogue.vectors (sha256, feature) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        copy.set_types(["bytea", "vector"])
        for sha, feature in zip(shas, features, strict=True):
            copy.write_row((sha, Vector(feature)))


def build_index(connection, say):
    """The HNSW index, if there is none and more than EXACT vectors; others can search meanwhile."""
    import psycopg

    state = """SELECT to_regclass('catalogue.nearest'), count(*),
        (SELECT vector_dims(feature) FROM catalogue.vectors LIMIT 1) FROM catalogue.vectors"""
    there, vectors, dims = connection.execute(state).fetchone()
    if there or vectors <= EXACT:
        return
    start, needed = time.monotonic(), vectors * (2 * dims + GRAPH_NODE) * 11 // 10
    say(f"building the HNSW index over {vectors:,} vectors, {needed / 2**30:.1f} GiB")

    def told(diagnosis):
        say(f"PostgreSQL: {diagnosis.message_primary}; {diagnosis.message_hint or ''}")

    connection.add_notice_handler(told)
    for settings in ({}, {"max_parallel_maintenance_workers": 0}):
        try:
            with connection.transaction():
                memory = "SELECT 1024 * setting::bigint FROM pg_settings WHERE name = %s"
                (memory,) = connection.execute(memory, ("maintenance_work_mem",)).fetchone()
                memory = max(memory, min(needed, BUILD_MEMORY))
                configure(connection, maintenance_work_mem=f"{memory // 1024}kB", **settings)
                connection.execute(f"""CREATE INDEX nearest ON catalogue.vectors
                    USING hnsw ((feature::halfvec({dims})) halfvec_l2_ops)""")
            break
        except psycopg.errors.DiskFull as error:  # Docker gives /dev/shm 64 MB
            if settings or "shared memory" not in str(error):
                raise
            say("PostgreSQL has too little shared memory to build it with several processes")
    connection.remove_notice_handler(told)
    say(f"built in {time.monotonic() - start:.0f} s")


def approximate(connection, query, count, bounds, without):
    """-> [(sha-256, vector)] of about the nearest, by the HNSW index; query: Vector [D]."""
    least, most = EF_SEARCH
    configure(
        connection, enable_seqscan="off", enable_sort="off", hnsw__iterative_scan="relaxed_order",
        hnsw__ef_search=min(most, max(least, 2 * count)),
        hnsw__max_scan_tuples=max(20_000, 4 * count), hnsw__scan_mem_multiplier=16,
    )  # fmt: skip
    ask = APPROXIMATE.format(inside=INSIDE[bool(bounds["end"])], dims=query.dimensions())
    values = {**bounds, "query": query, "count": count, "without": without}
    return connection.cursor(binary=True).execute(ask, values).fetchall()


def compared(connection, query, count, bounds, without):
    """-> [(sha-256, vector)] of the nearest in single precision, and those as near as the last."""
    configure(connection, enable_seqscan="on", enable_sort="on")
    ask = COMPARED.format(inside=INSIDE[bool(bounds["end"])])
    values = {**bounds, "query": query, "count": count, "without": without}
    return connection.cursor(binary=True).execute(ask, values).fetchall()


def recall(connection):
    """recall@10 of the approximate search against the exact one, for vectors of the catalogue
    itself as queries, in a sentence; as many of SAMPLE as RECALL_SECONDS allow."""
    import psycopg

    if not connection.execute("SELECT to_regclass('catalogue.nearest')").fetchone()[0]:
        return f"up to {EXACT:,} vectors the search is exact"
    probes = [hashlib.sha256(b"%d" % number).digest() for number in range(SAMPLE)]
    sample = connection.cursor(binary=True).execute(PROBED, (probes,)).fetchall()
    limits, found, wanted, asked = bounds(""), 0, 0, 0
    end = time.monotonic() + RECALL_SECONDS
    for sha, vector in sample:
        query, left = vector.to_numpy(), end - time.monotonic()
        try:
            with connection.transaction():
                configure(connection, statement_timeout=max(1, int(1000 * left)))
                exact = compared(connection, vector, NEIGHBOURS, limits, [sha])
        except psycopg.errors.QueryCanceled:
            break
        with connection.transaction():
            some = approximate(connection, vector, 2 * NEIGHBOURS + SPARE, limits, [sha])
        far = distances(query, np.stack([near.to_numpy() for _, near in some]))
        some = {some[k][0] for k in np.argsort(far, kind="stable")[:NEIGHBOURS]}
        exact = {sha for sha, _ in exact[:NEIGHBOURS]}
        found, wanted, asked = found + len(some & exact), wanted + len(exact), asked + 1
    if not asked:
        return f"recall@10 not measured: one exact search takes over {RECALL_SECONDS} s"
    return f"recall@{NEIGHBOURS} of the approximate search: {found / wanted:.3f} ({asked} queries)"
