"""The pictures below a folder: which files count, and that none is read from outside of it."""

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from catalogue.table import CHANGES
from command_line.errors import InputError
from datasets.image_files import UNREADABLE, decode_picture, read_content
from datasets.pictures import SUFFIXES

CHANGED = "changed while it was read"
NEVER = -1  # a time of change that no file has: the next run looks into it again


class Photo(NamedTuple):
    """One file. path: below the folder, with `/`."""

    path: str
    size: int  # bytes
    mtime_ns: int


class Skipped:
    """What a scan leaves out. exclude: names of folders, at any depth, or paths below the root.
    links: symbolic links to folders, to outside, or to nothing; unnameable: names that are not
    UTF-8, written with escapes; others: files that are no pictures, by ending; excluded: folders
    left out, by what excludes them."""

    def __init__(self, exclude=()):
        self.links, self.unnameable, self.others = 0, [], Counter()
        self.excluded = Counter(dict.fromkeys((name.strip("/") for name in exclude), 0))

    def excludes(self, path, name):
        by = next((folder for folder in (path, name) if folder in self.excluded), None)
        self.excluded.update([by] if by else [])
        return by is not None


def scan(root, skipped):
    """Yields the Photos below root, folder by folder; counts in `skipped` what it leaves out.

    A picture is a file with one of SUFFIXES; names that begin with a dot are none. Links to files
    within root are followed, others not. Raises InputError for a folder that can't be read: what
    it holds would seem deleted."""
    top = os.path.realpath(root)
    folders = [""]
    while folders:
        below = folders.pop()
        try:
            with os.scandir(os.path.join(top, below)) as entries:
                entries = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(f"{Path(root, below)}: {error.strerror}") from None
        for entry in entries:
            path = f"{below}/{entry.name}" if below else entry.name
            if entry.name.startswith("."):
                continue
            ending = os.path.splitext(entry.name)[1].lower()
            if is_folder(entry):
                if not skipped.excludes(path, entry.name):
                    folders.append(path)
            elif ending in SUFFIXES:
                yield from _photo(top, path, entry, skipped)
            elif entry.is_symlink() and os.path.isdir(entry.path):
                skipped.links += 1
            else:
                skipped.others[ending] += 1


def is_folder(entry):
    """Whether an entry is a folder, no link to one. Raises InputError where that can't be known."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError as error:
        raise InputError(f"{entry.path}: {error.strerror}") from None


def _photo(top, path, entry, skipped):
    try:
        path.encode()
    except UnicodeEncodeError:
        skipped.unnameable.append(os.fsencode(path).decode(errors="backslashreplace"))
        return
    if entry.is_symlink() and locate(top, path) is None:
        skipped.links += 1
        return
    try:
        stat = entry.stat()
    except FileNotFoundError:
        return  # deleted since the folder was listed
    except OSError:
        yield Photo(path, 0, NEVER)  # reading it says why
        return
    yield Photo(path, stat.st_size, stat.st_mtime_ns)


def locate(root, path):
    """Where the file of a Photo lies now, or None if that is no file or outside of root."""
    top, real = os.path.realpath(root), os.path.realpath(os.path.join(root, path))
    return real if real.startswith(os.path.join(top, "")) and os.path.isfile(real) else None


def read_photo(root, path):
    """Bytes of a Photo. Raises InputError with the reason, for a link that leaves root too."""
    place = locate(root, path)
    if place is None:
        raise InputError(f"{UNREADABLE}no file, or a link that leaves the folder")
    return read_content(place)


def read_pixels(path, digest, most_megapixels):
    """Path, sha-256 of the bytes meant -> uint8 [H, W, 3]. Raises InputError with the reason."""
    content = read_content(path)
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(CHANGED)
    return decode_picture(content, most_megapixels)


class IndexedPhotos:
    """What an index knows of its files. Subclasses have photo(number): the Photo as it was indexed;
    InputError for a number that is no image's. told(ask, *values): rows of the tables, named with
    `schema`, of what is said of images; none where an older index has none."""

    schema = ""

    def name_of(self, number):
        """Raises InputError for a number that is no image's."""
        return self.photo(number).path

    def said_of(self, numbers):
        """What the table says of some images -> {number: {column: text}}."""
        some = ", ".join(str(int(number)) for number in numbers) or "NULL"
        ask = f"SELECT file, said FROM {self.schema}said WHERE file IN ({some})"
        return {number: json.loads(said) for number, said in self.told(ask)}

    def changes_of(self, number):
        """By what an image's partners differ -> rows of table.CHANGES."""
        return self.told(CHANGES.format(partners=f"{self.schema}partners", number=int(number)))

    def read(self, number):
        """Bytes of an image's file as it is now. Raises InputError when it can't be read."""
        name = self.name_of(number)
        try:
            return read_photo(self.about["image_dir"], name)
        except InputError as error:
            raise InputError(f"{name}: {error}; run index_catalogue.py again") from None

    def has_changed(self, number):
        """Whether the file is another than the one that was indexed, by size and time, or gone."""
        photo = self.photo(number)
        try:
            now = os.stat(os.path.join(self.about["image_dir"], photo.path))
        except OSError:
            return True
        return photo[1:] != (now.st_size, now.st_mtime_ns)
