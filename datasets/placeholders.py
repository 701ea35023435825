"""What image hosts answer for a picture that is gone: some pixels, or one body for all URLs.

One of FashionIQ's URLs stands for 67 ASINs: what counts is how many URLs gave the same bytes.
"""

import threading
from collections import defaultdict
from itertools import islice

from PIL import Image

from datasets.image_files import FORMATS

SMALLEST_SIDE = 8  # pixels
MOST_URLS = 3  # that the same bytes may come from: a picture may be uploaded more than once


def too_small(path):
    """The reason against a readable image of fewer pixels a side than SMALLEST_SIDE, else None."""
    with Image.open(path, formats=FORMATS) as image:
        small = min(image.size) < SMALLEST_SIDE
    return f"smaller than {SMALLEST_SIDE} pixels a side" if small else None


class Bodies:
    """Which bytes came from which URLs; for all threads, and over all runs by the log."""

    def __init__(self):
        self._names, self._lock = defaultdict(dict), threading.Lock()  # digest: {URL: its first}

    def note(self, digest, name, url):
        """Remembers it -> the reason against these bytes, where other names got them from
        MOST_URLS other URLs, else None."""
        with self._lock:
            names = self._names[digest]
            names.setdefault(url, name)
            others = (names[u] for u in names if u != url and names[u] != name)
            found = list(islice(others, MOST_URLS))
        if len(found) == MOST_URLS:
            return f"the bytes of {', '.join(found)}, which have other URLs"
        return None


def shared_bytes(digests, urls):
    """{name: digest}, {name: URL} of those that have one -> [[name]]: images with the same bytes
    from more than MOST_URLS URLs; an image without a URL has one of its own."""
    names_of = defaultdict(list)
    for name, digest in digests.items():
        names_of[digest].append(name)
    many = (names for names in names_of.values() if len(names) > MOST_URLS)
    return [names for names in many if len({urls.get(name, name) for name in names}) > MOST_URLS]
