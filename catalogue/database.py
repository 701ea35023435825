"""A catalogue in PostgreSQL with pgvector: its tables, a connection, and what is said if it fails.

Schema `catalogue` of one database; any number of processes write it, any number search it:
  about     one row: what made it, as index.json, and the folders as of the last complete run
  files     path, size, mtime, and the sha-256 of its bytes or the reason why it is no picture
  vectors   by sha-256, so that copies share one: float32, and over its halfvec the HNSW index
  to_do     images to look into: a process claims some by locking their rows, and takes them out in
            the transaction that stores what came of them
  said, partners  what a table and the names say of files: see table.py; as of the last complete run
  claims    what is being encoded, by sha-256: rows of transactions under way, else empty

Needs requirements-database.txt; psycopg is imported when a database is asked for.
"""

import contextlib

from command_line.errors import InputError

INSTALL = "bash scripts/setup.sh --database"
FORMAT = 1
LEAST_PGVECTOR = (0, 8)  # has hnsw.iterative_scan
LOCKS = 0x56414C  # first half of the advisory locks' keys
PREPARING, SCANNING, FINISHING, WORKING = range(4)
SCHEMA = """
CREATE SCHEMA catalogue;
CREATE TABLE catalogue.about (
  only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
  about jsonb NOT NULL, folders jsonb NOT NULL DEFAULT '[]',
  scans bigint NOT NULL DEFAULT 0, completed bigint NOT NULL DEFAULT 0
);
CREATE SEQUENCE catalogue.changes;  -- about.completed is its value when a run was last complete
CREATE TABLE catalogue.files (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- never given to another path
  path text COLLATE "C" NOT NULL UNIQUE, size bigint NOT NULL, mtime_ns bigint NOT NULL,
  sha256 bytea, reason text NOT NULL, CHECK ((sha256 IS NULL) = (reason <> ''))
);
CREATE INDEX ON catalogue.files (sha256, path) WHERE sha256 IS NOT NULL;
CREATE TABLE catalogue.vectors (sha256 bytea PRIMARY KEY, feature vector NOT NULL);
CREATE TABLE catalogue.to_do (
  path text COLLATE "C" PRIMARY KEY, size bigint NOT NULL, mtime_ns bigint NOT NULL
);
CREATE INDEX ON catalogue.to_do (size, path);
CREATE UNLOGGED TABLE catalogue.claims (sha256 bytea PRIMARY KEY);
"""
SAID = """
CREATE TABLE IF NOT EXISTS catalogue.said (
  file bigint PRIMARY KEY, said text NOT NULL, words tsvector NOT NULL
);
CREATE INDEX IF NOT EXISTS said_words ON catalogue.said USING gin (words)
  WITH (fastupdate = off);  -- else what a run has added is searched one by one
CREATE TABLE IF NOT EXISTS catalogue.partners (
  file bigint NOT NULL, place int NOT NULL, value text NOT NULL, others bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS partners_of_file ON catalogue.partners (file);
CREATE INDEX IF NOT EXISTS partners_of_others ON catalogue.partners (place, others, value);
"""  # since 2026; a catalogue that is older gets them from its next run
SESSION = {
    "idle_in_transaction_session_timeout": "0",  # a transaction lasts as long as encoding does
    # Rows of a process whose machine is gone come back within minutes, not hours.
    "tcp_keepalives_idle": "60", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "6",
    "client_connection_check_interval": "10s",  # nor does its index go on being built
    "jit": "off",  # compiling a query takes longer than it does
}  # fmt: skip


class Unavailable(InputError):
    """PostgreSQL says no, or nothing. The message names the machine: for a terminal, no page."""


@contextlib.contextmanager
def database_errors(place):
    """What PostgreSQL says becomes Unavailable, in one line; place: which database."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise Unavailable(f"{place}: {' '.join(str(error).split())}") from None


def connect(url, **session):
    """postgresql://... -> psycopg connection, which commits by itself; session: its settings.

    What the address leaves out comes from PGHOST, PGUSER, PGPASSWORD, ~/.pgpass and so on. Raises
    InputError for a bad address or where psycopg is missing, Unavailable if there is no answer; no
    message holds any part of a password."""
    try:
        import psycopg
        from pgvector.psycopg import register_vector
    except ImportError:
        raise InputError(f"--database= needs psycopg and pgvector: {INSTALL}") from None
    require_address(url)
    with database_errors("--database"):
        connection = psycopg.connect(
            url, autocommit=True, prepare_threshold=None, connect_timeout=10
        )
        with database_errors(place(connection)):
            configure(connection, is_local=False, **SESSION, **session)
            if connection.execute("SELECT to_regtype('vector')").fetchone()[0]:
                register_vector(connection)
    return connection


def require_address(url):
    """Raises InputError for what libpq would misread, and then show: the rest of a password with @
    as a host's name, one with / as a port."""
    import psycopg

    kind, _, rest = url.partition("://")
    server, _, path = rest.partition("/")
    try:
        if kind not in ("postgresql", "postgres") or server.count("@") > 1 or "@" in path:
            raise ValueError
        port = psycopg.conninfo.conninfo_to_dict(url).get("port") or "1"
        if not all(part.isdecimal() for part in str(port).split(",") if part):
            raise ValueError
    except (ValueError, psycopg.Error):
        raise InputError(
            "--database=: not of the form postgresql://USER:PASSWORD@HOST:PORT/NAME, in which @ / "
            "and : of a user or password are written %40 %2F and %3A",
            2,
        ) from None


def require_one(index_dir, database):
    """Raises InputError unless one of the two flags is given."""
    if bool(index_dir) == bool(database):
        raise InputError("one of --index_dir= and --database= is needed", 2)


def place(connection):
    """Which database that is, for people; without user and password."""
    info = connection.info
    return f"database {info.dbname} at {info.host}:{info.port}"


def configure(connection, is_local=True, **settings):
    """Sets what PostgreSQL can be told, by default until the transaction ends."""
    names, values = list(settings), [str(value) for value in settings.values()]
    connection.execute(
        "SELECT set_config(replace(name, '__', '.'), value, %s)"
        " FROM unnest(%s::text[], %s::text[]) AS settings (name, value)",
        (is_local, names, values),
    )


def prepare(connection, about):
    """Makes the tables of a catalogue if there are none -> about as it was, {} for a new one.

    Raises InputError for a server that can't hold a catalogue."""
    from pgvector.psycopg import register_vector

    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCKS, PREPARING))
        there = connection.execute("SELECT to_regclass('catalogue.about')").fetchone()[0]
        earlier = read_metadata(connection) if there else make(connection, about)
        if not connection.execute("SELECT to_regclass('catalogue.partners')").fetchone()[0]:
            connection.execute(SAID)
    register_vector(connection)  # another process may have made the type since this one connected
    return earlier


def make(connection, about):
    """Makes the tables of a new catalogue -> {}; see prepare."""
    import psycopg

    here = place(connection)
    if connection.execute("SHOW server_encoding").fetchone()[0] != "UTF8":
        raise InputError(f"{here}: must have the encoding UTF8, for names of files")
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile,
            psycopg.errors.InsufficientPrivilege):  # fmt: skip
        raise InputError(
            f"{here}: needs pgvector; let its administrator CREATE EXTENSION vector"
        ) from None
    found = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    (version,) = connection.execute(found).fetchone()
    if tuple(map(int, version.split(".")[:2])) < LEAST_PGVECTOR:
        raise InputError(f"{here}: has pgvector {version}, needs 0.8 or later")
    connection.execute(SCHEMA)
    write_metadata(connection, about, "INSERT INTO catalogue.about (about) VALUES (%s)")
    return {}


def read_metadata(connection):
    """What index.json holds of an index in files, and `completed`. Raises InputError when the
    database holds no catalogue of this FORMAT."""
    here = place(connection)
    if not connection.execute("SELECT to_regclass('catalogue.about')").fetchone()[0]:
        raise InputError(f"{here}: no catalogue here; index_catalogue.py makes one")
    about, completed = connection.execute("SELECT about, completed FROM catalogue.about").fetchone()
    if about["format"] != FORMAT:
        raise InputError(f"{here}: format {about['format']}, this code reads {FORMAT}")
    return {**about, "folder": here, "completed": completed}


def write_metadata(connection, about, command="UPDATE catalogue.about SET about = %s"):
    from psycopg.types.json import Jsonb

    about = {name: value for name, value in about.items() if name != "folder"}
    connection.execute(command, (Jsonb({"format": FORMAT, **about}),))


def count(connection):
    """What the catalogue holds -> {"images", "broken", "vectors", "unused_vectors"}."""
    names = ("images", "broken", "vectors", "unused_vectors")
    return dict(zip(names, connection.execute("""
        SELECT count(sha256), count(*) - count(sha256), (SELECT count(*) FROM catalogue.vectors),
          (SELECT count(*) FROM catalogue.vectors v WHERE NOT EXISTS (
            SELECT FROM catalogue.files WHERE sha256 = v.sha256))
        FROM catalogue.files""").fetchone(), strict=True))  # fmt: skip
