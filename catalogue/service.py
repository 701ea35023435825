"""The search service behind page and API: a Searcher, few searches at once, what people brought."""

import contextlib
import copy
import logging
import threading
import time

from flask import current_app, g
from werkzeug.exceptions import ServiceUnavailable

from catalogue.search import Late
from catalogue.thumbnails import jpeg
from catalogue.uploads import Uploads
from command_line.errors import InputError

AT_ONCE = 2  # searches; pictures made small: one of 25 megapixels takes up to 300 MB
SECONDS = 10.0  # in which a search must have had its turn and be done
RETRY = 5.0  # seconds before an index that could not be opened is tried again


def service():
    """The service with the index as it was when this request first asked for it."""
    if "service" not in g:
        g.service = current_app.service.now()
    return g.service


class SearchService:
    """A Searcher as the page and the API use it."""

    def __init__(self, searcher):
        self.searcher, self.uploads = searcher, Uploads()
        self._searches = threading.BoundedSemaphore(AT_ONCE)
        self._decodes = threading.BoundedSemaphore(AT_ONCE)
        self._retry, self._said = 0.0, ""

    def now(self):
        """This service with the index as it is now, which stays so for who asked; with the last
        one that could be opened where a newer one can't, which the server's terminal tells."""
        if time.monotonic() >= self._retry:
            try:
                self.searcher.refresh()
                self._said = ""
            except (InputError, OSError) as error:
                self._retry = time.monotonic() + RETRY
                if str(error) != self._said:
                    self._said = str(error)
                    logging.error("the catalogue stays as it was: %s", error)
        now = copy.copy(self)
        now.searcher = copy.copy(self.searcher)
        return now

    @property
    def index(self):
        return self.searcher.index

    def find(self, content, **options):
        """The Answer of Searcher.find. Raises ServiceUnavailable when it takes over SECONDS."""
        end = time.monotonic() + SECONDS
        with turn(self._searches):
            try:
                return self.searcher.find(content, seconds=end - time.monotonic(), **options)
            except Late:
                raise ServiceUnavailable("this search took too long; ask for fewer") from None

    def thumbnail(self, content, size):
        """A JPEG of thumbnails.jpeg. Raises ServiceUnavailable when its turn does not come."""
        with turn(self._decodes):
            return jpeg(content, size, self.searcher.most_megapixels)

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


@contextlib.contextmanager
def turn(semaphore):
    if not semaphore.acquire(timeout=SECONDS):
        raise ServiceUnavailable("too much at once; try again")
    try:
        yield
    finally:
        semaphore.release()
