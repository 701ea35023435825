"""Brings a catalogue in a database up to date with its folder, as one of any number of processes.

One of them looks through the folder and writes what is new or changed into to_do; all of them take
rows out of it. A row is claimed by its lock and taken out by the commit that stores what came of
it, so a process that is killed gives its rows back. Claims go by size, which keeps copies together:
where two processes meet the same bytes, the second waits for the first one's vector.
"""

import time
from itertools import islice

from tqdm import tqdm

from catalogue import database
from catalogue.database import FINISHING, LOCKS, SCANNING, WORKING, database_errors, place
from catalogue.indexing import FolderUpdate, Report, describe, require_few_gone, take_over
from catalogue.photos import NEVER, Photo, Skipped, scan
from catalogue.table import entries
from catalogue.vectors import build_index, load, recall
from command_line.errors import InputError
from datasets.image_files import MOST_MEGAPIXELS

BATCH = 256  # images claimed, encoded and committed together: 8 full batches of the encoder
SCANNED = 10_000  # names written together
PAUSE = 1.0  # seconds between two looks at whether another process is through with the folder
LONGEST_NAME = 2500  # bytes; PostgreSQL's B-trees hold little more
FOUND = """
CREATE TEMP TABLE found (path text COLLATE "C" PRIMARY KEY, there bool NOT NULL);
CREATE TEMP TABLE part (path text COLLATE "C", size bigint, mtime_ns bigint);
"""
TO_DO = f"""
INSERT INTO catalogue.to_do SELECT part.* FROM part LEFT JOIN catalogue.files f USING (path)
WHERE part.mtime_ns != {NEVER}
  AND (%s OR f.id IS NULL OR (f.size, f.mtime_ns) != (part.size, part.mtime_ns))
ON CONFLICT (path) DO NOTHING
"""
UNREAD = f"""
INSERT INTO catalogue.to_do SELECT path, 0, {NEVER} FROM found WHERE NOT there
ON CONFLICT (path) DO NOTHING
"""
LOST = """
SELECT count(*) FILTER (WHERE found.there IS NOT TRUE), count(*), (SELECT count(*) FROM found)
FROM catalogue.files LEFT JOIN found USING (path) WHERE sha256 IS NOT NULL
"""
GONE = """
DELETE FROM catalogue.{table} WHERE path IN (
  SELECT path FROM catalogue.{table} t WHERE NOT EXISTS (SELECT FROM found WHERE path = t.path)
  FOR UPDATE SKIP LOCKED)
"""
CLAIM = """
SELECT path, size, mtime_ns FROM catalogue.to_do ORDER BY size, path LIMIT %s
FOR UPDATE SKIP LOCKED
"""
KEEP = """
INSERT INTO catalogue.files (path, size, mtime_ns, sha256, reason)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bytea[], %s::text[])
ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
  sha256 = excluded.sha256, reason = excluded.reason
"""
FOLDERS = """
UPDATE catalogue.about SET completed = %s, folders = (
  SELECT coalesce(jsonb_agg(jsonb_build_array(folder, images) ORDER BY folder), '[]') FROM (
    SELECT coalesce(substring(path FROM '^.*/'), '') COLLATE "C" AS folder, count(*) AS images
    FROM catalogue.files WHERE sha256 IS NOT NULL GROUP BY 1) counted)
"""
SCANS = "SELECT scans FROM catalogue.about"  # how often a process was through with the folder
UNUSED = """
DELETE FROM catalogue.vectors v
WHERE NOT EXISTS (SELECT FROM catalogue.files WHERE sha256 = v.sha256)
"""


def update_database(url, image_dir, open_encoder, checkpoint_dir, exact_model_checkpoint="",
                    verify=False, compact=False, batch=BATCH, say=print, model="",
                    most_megapixels=MOST_MEGAPIXELS, exclude=(), allow_deletions=False,
                    table="", attributes=""):  # fmt: skip
    """Makes the catalogue of image_dir in a database, or brings it up to date, alone or beside
    others that do the same -> Report, as update_index.

    say: is told of what takes long, and how good the approximate search is. Raises InputError as
    update_index and connect do, Unavailable when the database fails; what was committed stays."""
    about = describe(image_dir, checkpoint_dir, exact_model_checkpoint, model, most_megapixels)
    with database.connect(url) as connection, database_errors(place(connection)):
        otherwise = "all machines need the folder at one place, another folder another database"
        earlier = database.prepare(connection, about)
        said, described, anew, line = take_over(earlier, about, otherwise, table, attributes)
        database.write_metadata(connection, about)
        connection.execute("SELECT pg_advisory_lock_shared(%s, %s)", (LOCKS, WORKING))
        worker = Worker(connection, about, open_encoder, batch, say)
        report = worker.run(verify, Skipped(exclude), allow_deletions)
        if compact:
            worker.compact()
        of = worker.finish(said, anew)
        if of is not None:
            database.write_metadata(connection, {**about, "table": described})
            line = line and f"{line}, about {of:,} of the pictures"
        return report._replace(counts=database.count(connection), table=line)


class Worker(FolderUpdate):
    """One process at work on a catalogue."""

    def __init__(self, connection, about, open_encoder, batch, say):
        super().__init__(connection, about, open_encoder)
        self.batch, self.say = batch, say
        self.looked_into, self.too_long, self.next_count = 0, [], 0.0

    def run(self, verify, skipped, allow_deletions):
        """Takes part until there is nothing left to look into, by any process."""
        before, dropped, through = self.one(SCANS), 0, False
        with tqdm(unit="image", desc="indexing", delay=1) as bar:
            while not through and (verify or self.one(SCANS) == before):  # or another was through
                if self.lock(SCANNING):
                    dropped, through = self.look_through(verify, skipped, allow_deletions), True
                    self.unlock(SCANNING)
                elif not self.take(bar):
                    time.sleep(PAUSE)
            while self.one("SELECT EXISTS (SELECT FROM catalogue.to_do)"):
                self.count_left(bar)
                if not self.take(bar):  # waits for one of the rows that others have claimed
                    self.one(CLAIM.replace("SKIP LOCKED", ""), 1)
        broken = "SELECT path, reason FROM catalogue.files WHERE sha256 IS NULL ORDER BY path"
        named = [(name, "the name is not UTF-8") for name in skipped.unnameable]
        named += [(name, f"the name has over {LONGEST_NAME:,} bytes") for name in self.too_long]
        named += self.connection.execute(broken).fetchall()
        seen = skipped if through else Skipped()  # else another process saw what is left out
        return Report(self.looked_into, self.encoded, dropped, seen, named, {})

    def count_left(self, bar):
        """Others take images too: counts those left, for less than a hundredth of the time."""
        start = time.monotonic()
        if start >= self.next_count:
            bar.total = bar.n + self.one("SELECT count(*) FROM catalogue.to_do")
            self.next_count = time.monotonic() + max(3.0, 100 * (time.monotonic() - start))

    def lock(self, what):
        """Whether this process got it; it is given up at the latest when the process ends."""
        return self.one("SELECT pg_try_advisory_lock(%s, %s)", LOCKS, what)

    def unlock(self, what):
        self.one("SELECT pg_advisory_unlock(%s, %s)", LOCKS, what)

    def look_through(self, verify, skipped, allow_deletions):
        """Writes what is new or changed into to_do, drops what is gone -> how many names."""
        execute, transaction = self.connection.execute, self.connection.transaction
        execute(FOUND)
        photos = self.storable(scan(self.root, skipped))
        while part := list(islice(photos, SCANNED)):
            with transaction(), self.connection.cursor() as cursor:
                execute("TRUNCATE part")
                with cursor.copy("COPY part FROM STDIN (FORMAT BINARY)") as copy:
                    copy.set_types(["text", "int8", "int8"])
                    for photo in part:
                        copy.write_row(photo)
                execute(TO_DO, (verify,))
                execute("INSERT INTO found SELECT path, mtime_ns != %s FROM part", (NEVER,))
        execute("ANALYZE found")
        lost = execute(LOST).fetchone()
        require_few_gone(self.root, *lost, allow_deletions, "drop the database")
        with transaction():
            execute(UNREAD)
            execute(GONE.format(table="to_do"))
            dropped = execute(GONE.format(table="files")).rowcount
            if dropped:
                execute("SELECT nextval('catalogue.changes')")
            execute("UPDATE catalogue.about SET scans = scans + 1")
        execute("DROP TABLE found, part")
        return dropped

    def storable(self, photos):
        """Photos whose names are not too long; keeps the names of the others."""
        for photo in photos:
            if len(photo.path.encode()) <= LONGEST_NAME:
                yield photo
            else:
                self.too_long.append(photo.path)

    def take(self, bar):
        """Looks into some images that no process has claimed -> how many."""
        with self.connection.transaction():
            rows = self.connection.execute(CLAIM, (self.batch,)).fetchall()
            if rows:
                self.store(self.look_into([Photo(*row) for row in rows], bar))
        self.looked_into += len(rows)
        return len(rows)

    def known(self, paths):
        """Claims the bytes too, so that no other process encodes them meanwhile."""
        self.claimed = sorted(map(bytes.fromhex, paths))  # in one order: none waits for another
        claim = "INSERT INTO catalogue.claims SELECT unnest(%s::bytea[]) ON CONFLICT DO NOTHING"
        self.connection.execute(claim, (self.claimed,))
        vectors = "SELECT sha256 FROM catalogue.vectors WHERE sha256 = ANY (%s)"
        return {sha.hex() for (sha,) in self.connection.execute(vectors, (self.claimed,))}, {}

    def keep(self, shas, features):
        load(self.connection, [bytes.fromhex(sha) for sha in shas], features)

    def store(self, rows):
        """Stores what came of claimed images, in the transaction that has claimed them."""
        names, sizes, times, shas, _, reasons = map(list, zip(*rows, strict=True))
        shas = [None if why else bytes.fromhex(sha) for sha, why in zip(shas, reasons, strict=True)]
        execute = self.connection.execute
        execute(KEEP, (names, sizes, times, shas, reasons))
        execute("DELETE FROM catalogue.to_do WHERE path = ANY (%s)", (names,))
        execute("DELETE FROM catalogue.claims WHERE sha256 = ANY (%s)", (self.claimed,))
        execute("SELECT nextval('catalogue.changes')")

    def compact(self):
        """Drops the vectors of files that are gone. Raises InputError while others are at work."""
        if not self.lock(WORKING):
            raise InputError("--compact=True: other processes are at work on this database")
        self.connection.execute(UNUSED)
        self.unlock(WORKING)

    def keep_said(self, said, anew):
        """As Writer.keep_said."""
        from psycopg.types.json import Jsonb

        gone = """DELETE FROM catalogue.{table} t WHERE %s OR NOT EXISTS (
                  SELECT FROM catalogue.files WHERE id = t.file AND sha256 IS NOT NULL)"""
        new = """SELECT id, path FROM catalogue.files f WHERE sha256 IS NOT NULL
                 AND NOT EXISTS (SELECT FROM catalogue.said WHERE file = f.id)"""
        keep = """INSERT INTO catalogue.said SELECT file, said, array_to_tsvector(words)
                  FROM jsonb_to_recordset(%s) AS new (file bigint, said text, words text[])"""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            for table in ("said", "partners"):
                cursor.execute(gone.format(table=table), (anew,))
            kept = entries(said, self.root, cursor.execute(new).fetchall())
            while part := list(islice(kept, SCANNED)):
                rows = [dict(file=number, said=said, words=w) for number, said, w, _ in part]
                cursor.execute(keep, (Jsonb(rows),))
                with cursor.copy("COPY catalogue.partners FROM STDIN") as copy:
                    for number, *_, partners in part:
                        for partner in partners:
                            copy.write_row((number, *partner))
        self.connection.execute("ANALYZE catalogue.said, catalogue.partners")
        return self.one("SELECT count(*) FROM catalogue.said WHERE said != '{}'")

    def finish(self, said=None, anew=False):
        """Builds the HNSW index once it is worth it, counts, measures the recall; one process does
        this for all, after something has changed -> as keep_said, None where another process does.
        said: as take_table; anew: it is another table."""
        if not self.lock(FINISHING):
            return self.say("another process is completing the database")
        of = self.keep_said(said, anew)
        # A sequence that was never asked has the last value 1 too.
        last = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM catalogue.changes"
        changes = self.one(last)
        if changes != self.one("SELECT completed FROM catalogue.about"):
            self.connection.execute("ANALYZE catalogue.files, catalogue.vectors")
            build_index(self.connection, self.say)
            self.say(recall(self.connection))
            self.connection.execute(FOLDERS, (changes,))
        self.unlock(FINISHING)
        return of
