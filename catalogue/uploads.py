"""Pictures that people brought, in memory only, so that a page with one can be reloaded."""

import secrets
import threading
from collections import OrderedDict

MOST_BYTES = 64 * 2**20


class Uploads:
    """The latest uploads within MOST_BYTES; each is known by a name that can't be guessed."""

    def __init__(self, most_bytes=MOST_BYTES):
        self._most, self._size, self._lock = most_bytes, 0, threading.Lock()
        self._kept = OrderedDict()

    def keep(self, content):
        """Bytes -> their name."""
        name = f"u{secrets.token_urlsafe(16)}"
        with self._lock:
            self._kept[name] = content
            self._size += len(content)
            while self._size > self._most and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1])
        return name

    def get(self, name):
        """Bytes, or None when they are no longer kept."""
        with self._lock:
            return self._kept.get(name)
