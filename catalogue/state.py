"""What a served catalogue holds: its Searcher, few searches at once, and what people brought."""

import threading

from werkzeug.exceptions import ServiceUnavailable

from catalogue.uploads import Uploads
from command_line.errors import InputError

AT_ONCE, PATIENCE = 2, 10.0  # searches; seconds that one waits for its turn


class Catalogue:
    """A Searcher as the page and the API use it."""

    def __init__(self, searcher):
        self.searcher, self.uploads = searcher, Uploads()
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    @property
    def index(self):
        return self.searcher.index

    def refresh(self):
        """Takes the index as it is now."""
        self.searcher.refresh()

    def find(self, content, **options):
        """As Searcher.find. Raises ServiceUnavailable when its turn does not come."""
        if not self._turns.acquire(timeout=PATIENCE):
            raise ServiceUnavailable("too many searches at once; try again")
        try:
            return self.searcher.find(content, **options)
        finally:
            self._turns.release()

    def number(self, name):
        """The text 12 -> 12, for an image of the index; None for anything else."""
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 19 else None
        return number if number in self.index else None

    def name(self, picture):
        """What a picture, the number of an image or the name of an upload, is called."""
        number = self.number(picture)
        return "your picture" if number is None else self.index.name_of(number)

    def content(self, picture):
        """Bytes of a picture. Raises InputError when it is not there any longer."""
        number = self.number(picture)
        content = self.uploads.get(picture) if number is None else self.index.read(number)
        if content is None:
            raise InputError("This picture is not kept here any longer: choose or bring one again.")
        return content
