"""Brings an index up to date with its folder: what is new or changed is encoded, what is gone is
dropped, what has known bytes takes the vector there is. See store.py for what a kill leaves."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from catalogue.identity import require_same
from catalogue.photos import CHANGED, NEVER, Photo, Skipped, read_photo, scan
from catalogue.sources import examples, of_export, of_run
from catalogue.store import ABOUT, Writer, read_metadata, rows_errors
from catalogue.table import take_table
from command_line.errors import InputError
from datasets.image_files import MEGAPIXELS, MOST_MEGAPIXELS, UNREADABLE

BLOCK_ROWS = 992  # images encoded, then committed together: 32 full batches of the encoder
SEARCHED_FAST = 200_000  # vectors; every search reads all of them
FEW, SHARE = 20, 10  # a run drops as many pictures, or one of so many, without being told to
TO_DO = {  # photos to look into; in one of them, nothing is known of a photo that is the same
    False: """SELECT found.* FROM found LEFT JOIN files USING (path) WHERE files.id IS NULL
              OR files.size != found.size OR files.mtime_ns != found.mtime_ns""",
    True: "SELECT * FROM found",
}
LOST = f"""
SELECT count(*) FILTER (WHERE found.path IS NULL OR found.mtime_ns = {NEVER}), count(*),
  (SELECT count(*) FROM found) FROM files LEFT JOIN found USING (path) WHERE status = 'ok'
"""
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
    skipped: Skipped
    broken: list[tuple[str, str]]
    counts: dict[str, int]
    outgrown: bool = False
    table: str = ""  # which, in a line for people


def digest_of(root, photo):
    """-> (the sha-256 of a Photo's bytes or None, why there is none)."""
    try:
        return hashlib.sha256(read_photo(root, photo.path)).hexdigest(), ""
    except InputError as error:
        return None, str(error)


def describe(image_dir, checkpoint_dir, exact_model_checkpoint, model, most_megapixels):
    """What an index of these is made with, as index.json. Raises InputError for a bad folder."""
    if not Path(image_dir).is_dir():
        raise InputError(f"--image_dir={image_dir}: no such folder")
    source = of_export(model) if model else of_run(checkpoint_dir, exact_model_checkpoint)
    where = {"image_dir": os.path.realpath(image_dir), "most_megapixels": most_megapixels}
    return {**where, **source}


def take_over(earlier, about, otherwise, table, attributes):
    """Takes the examples and the table of an index that is there -> as take_table. Raises
    InputError for another model, or another folder; otherwise: what to do then."""
    if earlier:
        require_same(earlier, about["checkpoint"], about["fingerprint"])
        before, now = earlier["image_dir"], about["image_dir"]
        if before != now:
            raise InputError(f"{earlier['folder']}: made of {before}, not of {now}; {otherwise}")
    about["examples"] = earlier.get("examples") or examples(about)
    about["table"] = earlier.get("table")
    return take_table(table, attributes, about, earlier)


def update_index(index_dir, image_dir, open_encoder, checkpoint_dir, exact_model_checkpoint="",
                 verify=False, compact=False, block_rows=BLOCK_ROWS, model="",
                 most_megapixels=MOST_MEGAPIXELS, exclude=(), allow_deletions=False, table="",
                 attributes=""):  # fmt: skip
    """Makes the index of image_dir in index_dir, or brings it up to date -> Report.

    open_encoder: function (checkpoint) -> function (paths, digests, done) -> (features [n, D],
    [reason or ""]), as Encoding.files; called when there is something to encode. model: an export
    in place of checkpoint_dir, whose path then is the `checkpoint`. most_megapixels: of a picture,
    which open_encoder's function keeps to. exclude: folders, as Skipped. table, attributes: as
    take_table. Raises InputError for a bad folder or table, another model, a second writer, or
    where require_few_gone does, without allow_deletions; what was committed before stays."""
    about = describe(image_dir, checkpoint_dir, exact_model_checkpoint, model, most_megapixels)
    with Writer(index_dir) as writer, rows_errors(index_dir):
        earlier = read_metadata(index_dir) if Path(index_dir, ABOUT).exists() else {}
        otherwise = f"give another --index_dir (a folder that moved: edit image_dir in {ABOUT})"
        said, described, anew, line = take_over(earlier, about, otherwise, table, attributes)
        about["outgrown"] = was_outgrown = bool(earlier) and earlier["outgrown"]
        writer.describe({**about, "counts": writer.counts()})
        update = Update(writer, about, open_encoder, block_rows)
        report = update.run(verify, Skipped(exclude), allow_deletions)
        of = writer.keep_said(said, about["image_dir"], anew)
        about["table"], line = described, line and f"{line}, about {of:,} of the pictures"
        if compact:
            writer.compact(block_rows)
        counts = writer.counts()
        about["outgrown"] = counts["vectors"] > SEARCHED_FAST
        writer.describe({**about, "counts": counts})
    outgrown = about["outgrown"] and not was_outgrown
    return report._replace(counts=counts, outgrown=outgrown, table=line)


def require_few_gone(root, gone, images, found, allow_deletions, drop):
    """Raises InputError when nothing was found where images were, or, without allow_deletions,
    when so many of them are gone, or can't be read, that a share may be half away. drop: what is
    done to an index, "drop the database"."""
    if images and not found:
        raise InputError(
            f"{root}: holds no picture, but the {drop.split()[-1]} does: is it the right folder, "
            f"and mounted? (If all were deleted: {drop}.)"
        )
    if not allow_deletions and gone > FEW and gone * SHARE > images:
        raise InputError(
            f"{root}: {gone:,} of the index's {images:,} pictures are no longer there: is all of "
            "it mounted? Nothing was dropped; if they were deleted: --allow_deletions=True"
        )


def row_of(photo, sha, reason):
    """-> path, size, mtime_ns, sha-256, status, reason. reason: why it is no picture, or ""."""
    # What says nothing of the bytes, or depends on a flag, is not remembered: the next run looks.
    if reason.startswith((CHANGED, UNREADABLE)) or reason.endswith(MEGAPIXELS):
        return (*photo._replace(mtime_ns=NEVER), None, "broken", reason)
    return (*photo, sha, "broken" if reason else "ok", reason)


class FolderUpdate:
    """Brings what is known of a folder up to date; where that is kept, subclasses know:

    known(paths): {sha-256: path} -> (those that have a vector, {sha-256: why it is no picture});
    keep(shas, features): stores vectors."""

    def __init__(self, connection, about, open_encoder):
        self.connection, self.about, self.root = connection, about, about["image_dir"]
        self.open_encoder, self.encoder, self.encoded = open_encoder, None, 0

    def one(self, ask, *values):
        """The first column of a query's first row, None without one."""
        row = self.connection.execute(ask, values).fetchone()
        return row and row[0]

    def look_into(self, photos, bar):
        """Hashes some photos and encodes what has no vector yet -> a row_of each."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            digests = list(pool.map(partial(digest_of, self.root), photos))
        found = list(zip(photos, digests, strict=True))
        paths = {sha: photo.path for photo, (sha, _) in found if sha}
        vectors, unreadable = self.known(paths)
        new = {sha: path for sha, path in paths.items() if sha not in {*vectors, *unreadable}}
        bar.update(len(photos) - len(new))
        if new:
            unreadable.update(self.encode(new, bar.update))
        return [row_of(photo, sha, why or unreadable.get(sha, "")) for photo, (sha, why) in found]

    def encode(self, new, done):
        """{sha-256: path}, done as in update_index -> {sha-256: why it is no picture, or ""}.

        Keeps the vectors. Raises InputError for features that are not finite."""
        self.encoder = self.encoder or self.open_encoder(self.about["checkpoint"])
        paths = [os.path.join(self.root, path) for path in new.values()]
        features, reasons = self.encoder(paths, list(new), done)
        reasons = dict(zip(new, reasons, strict=True))
        shas = [sha for sha, reason in reasons.items() if not reason]
        features = features[[not reason for reason in reasons.values()]]
        if not np.isfinite(features).all():
            raise InputError("the checkpoint's features are not finite: its weights are broken")
        if shas:
            self.keep(shas, features)
        self.encoded += len(shas)
        return reasons


class Update(FolderUpdate):
    """One run over a folder, for an index in files."""

    def __init__(self, writer, about, open_encoder, block_rows):
        super().__init__(writer.rows, about, open_encoder)
        self.writer, self.rows, self.block_rows = writer, writer.rows, block_rows
        self.vectors = []  # rows of vectors, their block written but not yet committed

    def run(self, verify, skipped, allow_deletions):
        with self.rows:
            self.rows.executemany("INSERT INTO found VALUES (?, ?, ?)", scan(self.root, skipped))
            lost = self.rows.execute(LOST).fetchone()
            require_few_gone(self.root, *lost, allow_deletions, "delete the index")
            gone = "DELETE FROM files WHERE path NOT IN (SELECT path FROM found)"
            dropped = self.rows.execute(gone).rowcount
        # Materialised: what is committed below would change what is left to read.
        self.rows.execute(f"CREATE TEMP TABLE to_do AS {TO_DO[verify]} ORDER BY path")
        total = self.one("SELECT count(*) FROM to_do")
        with tqdm(total=total, unit="image", desc="indexing", disable=total == 0) as bar:
            for start in range(0, total, self.block_rows):
                part = self.rows.execute(
                    "SELECT * FROM to_do WHERE rowid > ? ORDER BY rowid LIMIT ?",
                    (start, self.block_rows),
                )
                rows = self.look_into([Photo(*row) for row in part], bar)
                with self.rows:
                    add = "INSERT INTO vectors VALUES (?, ?, ?, ?)"
                    self.rows.executemany(add, self.vectors)
                    self.rows.executemany(KEEP, rows)
                self.vectors = []
        broken = "SELECT path, reason FROM files WHERE status = 'broken' ORDER BY path"
        named = [(name, "the name is not UTF-8") for name in skipped.unnameable]
        named += self.rows.execute(broken).fetchall()
        return Report(total, self.encoded, dropped, skipped, named, {})

    def known(self, paths):
        vector = "SELECT 1 FROM vectors WHERE sha256 = ?"
        broken = "SELECT reason FROM files WHERE sha256 = ? AND status = 'broken'"
        reasons = {sha: reason for sha in paths if (reason := self.one(broken, sha))}
        return {sha for sha in paths if self.one(vector, sha)}, reasons

    def keep(self, shas, features):
        number = self.writer.next_block()
        self.writer.write_block(number, features)
        squares = np.square(features, dtype=np.float64).sum(axis=1) / 2
        self.vectors = [(sha, number, row, squares[row]) for row, sha in enumerate(shas)]
