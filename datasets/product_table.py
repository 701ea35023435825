"""Tables of a shop as people save them: CSV with a header, read with errors that name file, line
and column. Separators `,` `;` and tab, byte order mark and any line ends are seen."""

import csv
import io
import re
import unicodedata
from difflib import get_close_matches
from pathlib import Path

from command_line.errors import InputError
from datasets.image_files import SUFFIXES
from datasets.released_files import MAX_CAPTION_LENGTH, check_name

NO_VALUE = {"", "-", "na"}
SEPARATORS = ",;\t"
SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # XLSX and ODS; XLS
REPEATED = 3  # products a value, of a column that may be an attribute
SAVE_AS = "save it as CSV UTF-8"
PICTURE = re.compile(rf"(?:{'|'.join(map(re.escape, SUFFIXES))})(?=[^\w.]|$)", re.IGNORECASE)


class Table:
    """header: names; rows: pairs of (line, cells as they stand), blank rows left out."""

    def __init__(self, path):
        self.path = Path(path)
        records = self._records(_read(path))
        self.line, cells = records[0]
        self.header, self.rows = [], records[1:]
        for number, cell in enumerate(map(str.strip, cells)):
            place = self.place(self.line, number)
            if PICTURE.search(cell):
                raise InputError(f"{place}: no header: the first row holds the picture {cell!r}")
            if cell and cell in self.header:
                raise InputError(f"{place}: a second column {cell!r}")
            self.header.append(cell)
        if not self.rows:
            raise InputError(f"{self.place(self.line, 0)}: a header without rows below it")
        for line, cells in self.rows:
            if len(cells) != len(self.header):
                place = self.place(line, min(len(cells), len(self.header) - 1))
                what = f"{len(cells)} cells in this row, {len(self.header)} in the header"
                raise InputError(f"{place}: {what}")

    def place(self, line, number):
        """file:line: column, by its name where it has one."""
        name = self.header[number] if number < len(self.header) else ""
        return f"{self.path}:{line}: column {name or number + 1}"

    def texts(self, name, flag):
        """The column's (place, text without blanks around it); `flag` asks for it."""
        if name not in self.header:
            near = get_close_matches(name.lower(), map(str.lower, self.header), 1)
            near = [own for own in self.header if own.lower() in near]
            raise InputError(
                f"{self.path}:{self.line}: no column {name!r} ({flag})"
                + (f"; nearest: {near[0]}" if near else f": {', '.join(self.header)}")
            )
        number = self.header.index(name)
        rows = [(self.place(line, number), cells[number].strip()) for line, cells in self.rows]
        for place, text in rows:
            if len(text) > MAX_CAPTION_LENGTH:
                raise InputError(f"{place}: {len(text)} characters, over {MAX_CAPTION_LENGTH}")
        return rows

    def values(self, name, flag):
        """The column's values, None where there is none."""
        return [normal(text) for _, text in self.texts(name, flag)]

    def images(self, name, flag):
        """The column's (place, file name below the folder of images)."""
        return [(place, image_name(text, place)) for place, text in self.texts(name, flag)]

    def _records(self, text):
        first = re.search(r"[^\r\n]+", text)
        separator = max(SEPARATORS, key=re.sub('"[^"]*"', "", first[0] if first else "").count)
        csv.field_size_limit(len(text) + 1)  # ours is in texts(), and names the place
        lines = io.StringIO(text, newline="").readlines()
        reader = csv.reader(lines, delimiter=separator, strict=True)
        self.header, records, line = [], [], 1
        try:
            for cells in reader:
                for number, cell in enumerate(cells):
                    if re.search("[\0\ud800-\udfff]", cell):  # as _read decodes
                        raise InputError(f"{self.place(line, number)}: not UTF-8 text: {SAVE_AS}")
                if any(map(str.strip, cells)):
                    records.append((line, cells))
                    self.header = [cell.strip() for cell in records[0][1]]
                line = reader.line_num + 1
        except csv.Error:
            number = _whole_cells("".join(lines[line - 1 :]), separator)
            what = "a quote that never closes, or text behind one that does (write it twice)"
            raise InputError(f"{self.place(line, number)}: {what}") from None
        if not records:
            raise InputError(f"{self.path}:1: column 1: an empty file")
        return records


def normal(text):
    """A value as the model reads it; None for what says that there is none."""
    text = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    return None if text in NO_VALUE else text


def _read(path):
    """The file's text; bytes that are not UTF-8 become surrogates."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    if content.startswith(SPREADSHEETS):
        raise InputError(f"{path}:1: column 1: a spreadsheet, not a table of text: {SAVE_AS}")
    return content.decode("utf-8-sig", "surrogateescape")


def _whole_cells(text, separator):
    """How many cells of the first row are well quoted."""
    cell = re.compile(rf'(?:"(?:[^"]|"")*"|[^"{separator}\r\n][^{separator}\r\n]*)?{separator}')
    count = place = 0
    while match := cell.match(text, place):
        count, place = count + 1, match.end()
    return count


def image_name(text, place):
    """A cell that is one picture's name. Raises InputError naming the place."""
    if normal(text) is None:
        raise InputError(f"{place}: no image in this row")
    if "://" in text:
        raise InputError(f"{place}: an address: download the pictures and give their file names")
    if len(PICTURE.findall(text)) > 1 or re.search(r"[;|\r\n\t]", text):
        raise InputError(f"{place}: several files: give one picture a row")
    return check_name(text, place, folders=True)
