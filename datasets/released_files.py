"""Text and JSON files as released, read with errors that name file and line or entry.

A name read here becomes a path later, so it is checked here: it can't lead out of the data folder.
"""

import json
from pathlib import Path

from command_line.errors import InputError

MAX_CAPTION_LENGTH = 10_000  # characters; the longest released one has some hundred


def read_text(path):
    """A UTF-8 file as a string; InputError when it is missing or something else."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        place = f"{path}:{line}: not UTF-8 (byte {error.start} of the file)"
        raise InputError(f"{place}: save it as UTF-8, a table as CSV") from None


def read_lines(path):
    """Lines without their ends; blank lines at the end of the file are left out."""
    text = read_text(path).replace("\r\n", "\n").rstrip("\n")
    return text.split("\n") if text else []


def read_names(path):
    """A list of image names, one a line."""
    return [check_name(line.strip(), f"{path}:{i}") for i, line in enumerate(read_lines(path), 1)]


def read_json(path, kind):
    """A JSON file whose outermost value is of `kind` (list or dict)."""
    try:
        value = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise InputError(f"{place}: not JSON, or cut short: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from None
    if not isinstance(value, kind):
        raise InputError(f"{path}: holds a {type(value).__name__}, not a {kind.__name__}")
    return value


def read_records(path, parse, what):
    """A JSON object a line -> [parse(object)]; InputError naming the line where parse finds that
    it is not `what`."""
    records = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            records.append(parse(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: line {number}: not {what} ({error!r})") from None
    return records


def read_entries(path):
    """A JSON array of objects, not empty -> [(place to name in errors, object)]."""
    entries = [(f"{path}: entry {i}", entry) for i, entry in enumerate(read_json(path, list))]
    if not entries:
        raise InputError(f"{path}: no entries")
    for place, entry in entries:
        if not isinstance(entry, dict):
            raise InputError(f"{place} (from 0) is a {type(entry).__name__}, not an object")
    return entries


def field(entry, key, place):
    """entry[key]; InputError naming the place and the key when it is missing."""
    if key not in entry:
        raise InputError(f'{place} (from 0): no key "{key}"')
    return entry[key]


def check_name(name, place, folders=False):
    """`name`, when as a path it stays inside the data folder; with `folders` it may contain `/`."""
    if not isinstance(name, str):
        raise InputError(f"{place}: image name {str(name)[:80]!r} is not a string")
    parts = name.split("/") if folders else [name]
    safe = name.isprintable() and len(name) <= 255 and not any(c in name for c in "\\:")
    if not safe or any(part in ("", ".", "..") or "/" in part for part in parts):
        raise InputError(f"{place}: image name {name[:80]!r} may lead out of the data folder")
    return name


def check_caption(text, place):
    """The caption without surrounding blanks ("" for a blank one)."""
    if not isinstance(text, str):
        raise InputError(f"{place}: caption {str(text)[:80]!r} is not a string")
    if len(text) > MAX_CAPTION_LENGTH:
        raise InputError(f"{place}: caption of {len(text)} characters, over {MAX_CAPTION_LENGTH}")
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError(f"{place}: caption {ascii(text[:80])} holds half of a surrogate pair")
    return text.strip()
