"""Tables of a shop as people save them: CSV with a header, read with errors that name file, line
and column. Separators `,` `;` and tab, byte order mark and any line ends are seen."""

import csv
import io
import re
import unicodedata

from command_line.errors import InputError
from datasets.pictures import SUFFIXES
from datasets.released_files import check_caption, check_name, read_text

NO_VALUE = {"", "-", "na"}
SEPARATORS = ",;\t"
REPEATED = 3  # products a value, of a column that may be an attribute
PICTURE = re.compile(rf"(?:{'|'.join(map(re.escape, SUFFIXES))})(?=[^\w.]|$)", re.IGNORECASE)


class Table:
    """header: names; rows: pairs of (line, cells as they stand), blank rows left out."""

    def __init__(self, path):
        self.path, self.line, self.header, self.rows = path, 1, [], []
        text, line = read_text(path), 1
        lines = io.StringIO(text, newline="").readlines()
        first = next((each for each in lines if each.strip()), "")
        separator = max(SEPARATORS, key=re.sub('"[^"]*"', "", first).count)
        # Of the whole process; ours is in texts(), and names the place.
        csv.field_size_limit(max(len(text) + 1, csv.field_size_limit()))
        reader = csv.reader(lines, delimiter=separator, strict=True)
        try:
            for cells in reader:
                if any(map(str.strip, cells)):
                    self._take(line, cells)
                line = reader.line_num + 1
        except csv.Error:
            whole = rf'"(?:[^"]|"")*"(?={separator})'  # a cell that is well quoted
            before = re.sub(whole, "", "".join(lines[line - 1 :])).partition('"')[0]
            what = "a quote that never closes, or text behind one that does (write it twice)"
            self._refuse(line, before.count(separator), what)
        if not self.rows:
            what = "a header without rows below it" if self.header else "an empty file"
            self._refuse(self.line, 0, what)

    def _take(self, line, cells):
        if self.header:
            if len(cells) != len(self.header):
                what = f"{len(cells)} cells in this row, {len(self.header)} in the header"
                self._refuse(line, min(len(cells), len(self.header) - 1), what)
            self.rows.append((line, cells))
            return
        self.line = line
        for number, cell in enumerate(map(str.strip, cells)):
            if PICTURE.search(cell):
                self._refuse(line, number, f"no header: the first row holds the picture {cell!r}")
            if cell and cell in self.header:
                self._refuse(line, number, f"a second column {cell!r}")
            self.header.append(cell)

    def _place(self, line, number):
        """file:line: column, by its name where it has one."""
        name = self.header[number] if number < len(self.header) else ""
        return f"{self.path}:{line}: column {name or number + 1}"

    def _refuse(self, line, number, what):
        raise InputError(f"{self._place(line, number)}: {what}")

    def texts(self, name, flag):
        """The column's (place, text without blanks around it); `flag` asks for it."""
        if name not in self.header:
            known = ", ".join(self.header)[:200]
            raise InputError(f"{self.path}:{self.line}: no column {name!r} ({flag}): {known}")
        number = self.header.index(name)
        cells = [(self._place(line, number), cells[number]) for line, cells in self.rows]
        return [(place, check_caption(text, place)) for place, text in cells]

    def values(self, name, flag=""):
        """The column's values, None where there is none."""
        return [value_of(text) for _, text in self.texts(name, flag)]

    def images(self, name, flag):
        """The column's (place, file name below the folder of images)."""
        return [(place, image_name(text, place)) for place, text in self.texts(name, flag)]


def value_of(text):
    """As the model reads it; None for what says that there is none."""
    text = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    return None if text in NO_VALUE else text


def image_name(text, place):
    """A cell that is one picture's name. Raises InputError naming the place."""
    if value_of(text) is None:
        raise InputError(f"{place}: no image in this row")
    if "://" in text:
        raise InputError(f"{place}: an address: download the pictures and give their file names")
    if len(PICTURE.findall(text)) > 1 or re.search(r"[;|\r\n\t]", text):
        raise InputError(f"{place}: several files: give one picture a row")
    return check_name(text, place, folders=True)
