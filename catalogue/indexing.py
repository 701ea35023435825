"""Brings an index up to date with its folder: what is new or changed is encoded, what is gone is
dropped, what has known bytes takes the vector there is. See store.py for what a kill leaves."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from catalogue.identity import require_same
from catalogue.photos import NEVER, Photo, Skipped, read_photo, scan
from catalogue.sources import examples, of_export, of_run
from catalogue.store import ABOUT, Writer, read_about, rows_errors
from command_line.errors import InputError
from datasets.image_files import UNREADABLE

BLOCK_ROWS = 992  # images encoded, then committed together: 32 full batches of the encoder
SEARCHED_FAST = 200_000  # vectors; every search reads all of them
CHANGED = "changed while it was read"
PASSING = (CHANGED, UNREADABLE)  # begin reasons that say nothing of the bytes
TO_DO = {  # photos to look into; in one of them, nothing is known of a photo that is the same
    False: """SELECT found.* FROM found LEFT JOIN files USING (path) WHERE files.id IS NULL
              OR files.size != found.size OR files.mtime_ns != found.mtime_ns""",
    True: "SELECT * FROM found",
}
KEEP = """
INSERT INTO files (path, size, mtime_ns, sha256, status, reason) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
  sha256 = excluded.sha256, status = excluded.status, reason = excluded.reason
"""


class Report(NamedTuple):
    """What a run did. broken: (path, reason) of all broken images in the index. outgrown: since
    this run there are more vectors than SEARCHED_FAST."""

    looked_into: int  # files opened
    encoded: int
    dropped: int  # names whose file is gone
    links: int
    broken: list[tuple[str, str]]
    counts: dict[str, int]
    outgrown: bool = False


class Read:
    """One file as it was hashed: its bytes' digest, or why there is none."""

    def __init__(self, root, photo):
        self.photo, self.sha, self.reason = photo, None, ""
        try:
            self.sha = hashlib.sha256(read_photo(root, photo.path)).hexdigest()
        except InputError as error:
            self.reason = str(error)


def describe(image_dir, checkpoint_dir, exact_model_checkpoint, model):
    """What an index of these is made with, as index.json. Raises InputError for a bad folder."""
    if not Path(image_dir).is_dir():
        raise InputError(f"--image_dir={image_dir}: no such folder")
    source = of_export(model) if model else of_run(checkpoint_dir, exact_model_checkpoint)
    return {"image_dir": os.path.realpath(image_dir), **source}


def update_index(index_dir, image_dir, open_encoder, checkpoint_dir, exact_model_checkpoint="",
                 verify=False, compact=False, block_rows=BLOCK_ROWS, model=""):  # fmt: skip
    """Makes the index of image_dir in index_dir, or brings it up to date -> Report.

    open_encoder: function (checkpoint) -> function (paths, digests, done) -> (features [n, D],
    [reason or ""]), as Encoding.files; called when there is something to encode. model: an export
    in place of checkpoint_dir, whose path then is the `checkpoint`. Raises InputError
    for a bad folder, another model or a second writer; what was committed before stays."""
    about = describe(image_dir, checkpoint_dir, exact_model_checkpoint, model)
    with Writer(index_dir) as writer, rows_errors(index_dir):
        earlier = read_about(index_dir) if Path(index_dir, ABOUT).exists() else {}
        if earlier:
            require_same(earlier, about["checkpoint"], about["fingerprint"])
            if earlier["image_dir"] != about["image_dir"]:
                raise InputError(
                    f"{index_dir}: made of {earlier['image_dir']}, not of {image_dir}; give another"
                    f" --index_dir (a folder that moved: edit image_dir in {ABOUT})"
                )
        about["examples"] = earlier.get("examples") or examples(about)
        about["outgrown"] = earlier.get("outgrown", False)
        writer.describe({**about, "counts": writer.counts()})
        update = Update(writer, about, open_encoder, block_rows)
        report = update.run(verify)
        if compact:
            writer.compact(block_rows)
        counts = writer.counts()
        about["outgrown"] = counts["vectors"] > SEARCHED_FAST
        outgrown = about["outgrown"] and not earlier.get("outgrown")
        report = report._replace(counts=counts, outgrown=outgrown)
        writer.describe({**about, "counts": counts})
    return report


def encode(encoder, root, new, done):
    """{sha-256: path} -> (those of pictures, their features [n, D], {sha-256: why it is none}).

    encoder, done: as in update_index. Raises InputError for features that are not finite."""
    paths = [os.path.join(root, path) for path in new.values()]
    features, reasons = encoder(paths, list(new), done)
    reasons = dict(zip(new, reasons, strict=True))
    good = [row for row, reason in enumerate(reasons.values()) if not reason]
    features = features[good]
    if not np.isfinite(features).all():
        raise InputError("the checkpoint's features are not finite: its weights are broken")
    shas = [sha for sha, reason in reasons.items() if not reason]
    return shas, features, {sha: reason for sha, reason in reasons.items() if reason}


def row_of(read, unreadable):
    """A Read, {sha-256: why it is no picture} -> path, size, mtime_ns, sha-256, status, reason."""
    reason = read.reason or unreadable.get(read.sha, "")
    if reason.startswith(PASSING):  # nothing to remember: the next run looks again
        return (*read.photo._replace(mtime_ns=NEVER), None, "broken", reason)
    return (*read.photo, read.sha, "broken" if reason else "ok", reason)


class Update:
    """One run over a folder."""

    def __init__(self, writer, about, open_encoder, block_rows):
        self.writer, self.rows = writer, writer.rows
        self.root, self.checkpoint = about["image_dir"], about["checkpoint"]
        self.open_encoder, self.encode, self.block_rows = open_encoder, None, block_rows
        self.encoded = 0

    def run(self, verify):
        skipped = Skipped()
        with self.rows:
            self.rows.executemany("INSERT INTO found VALUES (?, ?, ?)", scan(self.root, skipped))
            if self.is_lost():
                raise InputError(
                    f"{self.root}: holds no picture, but the index does: is it the right folder, "
                    "and mounted? (If all were deleted: delete the index.)"
                )
            gone = "DELETE FROM files WHERE path NOT IN (SELECT path FROM found)"
            dropped = self.rows.execute(gone).rowcount
        total = self.one(f"SELECT count(*) FROM ({TO_DO[verify]})")
        # Materialised: what is committed below would change what is left to read.
        self.rows.execute(f"CREATE TEMP TABLE to_do AS {TO_DO[verify]} ORDER BY path")
        with tqdm(total=total, unit="image", desc="indexing", disable=total == 0) as bar:
            for start in range(0, total, self.block_rows):
                part = self.rows.execute(
                    "SELECT * FROM to_do WHERE rowid > ? ORDER BY rowid LIMIT ?",
                    (start, self.block_rows),
                )
                self.look_into([Photo(*row) for row in part], bar)
        broken = "SELECT path, reason FROM files WHERE status = 'broken' ORDER BY path"
        named = [(name, "the name is not UTF-8") for name in skipped.unnameable]
        named += self.rows.execute(broken).fetchall()
        return Report(total, self.encoded, dropped, skipped.links, named, {})

    def is_lost(self):
        """Whether nothing was found where pictures were."""
        left = "SELECT EXISTS (SELECT 1 FROM files WHERE status = 'ok')"
        found = "SELECT EXISTS (SELECT 1 FROM found)"
        return self.one(left) and not self.one(found)

    def one(self, query):
        (value,) = self.rows.execute(query).fetchone()
        return value

    def look_into(self, photos, bar):
        """Hashes some photos, encodes what has no vector yet, and commits all of them."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            reads = list(pool.map(lambda photo: Read(self.root, photo), photos))
        digests = {read.sha: read.photo.path for read in reads if read.sha}
        known = {sha for sha in digests if self.has_vector(sha)}
        unreadable = {sha: reason for sha in digests if (reason := self.reason_of(sha))}
        new = {s: path for s, path in digests.items() if s not in known and s not in unreadable}
        bar.update(len(reads) - len(new))
        vectors = self.encode_new(new, unreadable, bar)
        with self.rows:
            self.rows.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?)", vectors)
            self.rows.executemany(KEEP, (row_of(read, unreadable) for read in reads))

    def encode_new(self, new, unreadable, bar):
        """{sha: path} -> rows of vectors, their block written; adds to unreadable {sha: reason}."""
        if not new:
            return []
        self.encode = self.encode or self.open_encoder(self.checkpoint)
        shas, features, reasons = encode(self.encode, self.root, new, bar.update)
        unreadable.update(reasons)
        if not shas:
            return []
        number = self.writer.next_block()
        self.writer.write_block(number, features)
        self.encoded += len(shas)
        squares = np.square(features, dtype=np.float64).sum(axis=1) / 2
        return [(sha, number, row, squares[row]) for row, sha in enumerate(shas)]

    def has_vector(self, sha):
        return self.rows.execute("SELECT 1 FROM vectors WHERE sha256 = ?", (sha,)).fetchone()

    def reason_of(self, sha):
        """Why bytes that were met before are no picture; None if they were not."""
        broken = "SELECT reason FROM files WHERE sha256 = ? AND status = 'broken'"
        found = self.rows.execute(broken, (sha,)).fetchone()
        return found and found[0]
