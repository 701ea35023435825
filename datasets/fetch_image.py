"""One image by HTTP: allowed hosts only, bounded in time and size, verified before it is kept."""

import hashlib
import random
import threading
import time
from contextlib import closing
from email.utils import parsedate_to_datetime
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from command_line.errors import InputError
from command_line.files import whole_file
from datasets.image_files import TRUNCATED, check_image
from datasets.placeholders import too_small

MAX_REDIRECTS = 5
LONGEST_RETRY_AFTER = 300  # seconds; a server that asks for more is left alone
CHUNK = 2**16  # bytes


class Rules(NamedTuple):
    """What a fetch may do; see the flags of download_fashion_iq.py."""

    hosts: frozenset[str]
    timeout: float = 20.0  # seconds to connect, and between two packets
    total_time: float = 120.0  # seconds an attempt may take
    max_bytes: int = 20 * 2**20
    attempts: int = 5
    backoff: float = 1.0  # seconds before the second attempt, doubled for each further one


class Outcome(NamedTuple):
    reason: str | None  # None: the image is there
    attempts: int
    size: int = 0  # bytes
    again: bool = False  # another run may succeed (time-outs, 429, 5xx)
    body: str = ""  # SHA-256 of what is a picture, kept or not


class Failure(Exception):
    def __init__(self, reason, again=False, wait=None, body=""):
        super().__init__(reason)
        self.reason, self.again, self.wait, self.body = reason, again, wait, body


class Pace:
    """Spreads the requests of all threads; a server's Retry-After holds all of them."""

    def __init__(self, per_second):
        self._interval, self._next, self._lock = 1 / per_second, 0.0, threading.Lock()
        self.stopped = threading.Event()

    def wait(self):
        with self._lock:
            start = max(self._next, time.monotonic())
            self._next = start + self._interval
        self.sleep(start - time.monotonic())

    def sleep(self, seconds):
        """Sleeps; Failure as soon as the download is stopped."""
        if self.stopped.wait(max(0.0, seconds)):
            raise Failure("stopped", again=True)

    def pause(self, seconds):
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def make_session(threads):
    """A session that all threads share; it takes no cookies."""
    session = requests.Session()
    session.headers.update({"User-Agent": "VAL FashionIQ download", "Accept-Encoding": "identity"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=threads))
    return session


def fetch(session, url, path, rules, pace, bodies):
    """Downloads url to path, which appears complete and verified or not at all -> Outcome.

    Tried again with growing pauses: 429, 5xx, time-outs, broken connections, truncated images. Not
    tried again: other statuses (403, 404), refused URLs, what is no image or a placeholder
    (placeholders.py; bodies: of all downloads). InputError: can't write.
    """
    repeated = partial(bodies.note, name=Path(path).stem, url=url)
    for attempt in range(1, rules.attempts + 1):
        pace.wait()
        try:
            size, body = _attempt(session, url, Path(path), rules, repeated)
            return Outcome(None, attempt, size, body=body)
        except Failure as failure:
            too_long = (failure.wait or 0) > LONGEST_RETRY_AFTER
            if not failure.again or too_long or attempt == rules.attempts:
                return Outcome(failure.reason, attempt, again=failure.again, body=failure.body)
            if failure.wait is not None:
                pace.pause(failure.wait)
            else:
                pace.sleep(rules.backoff * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))


def check_url(url, hosts):
    """Raises Failure for a URL that is not plain http(s) to one of the hosts."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Failure("bad URL") from None
    # Two parsers may read these two differently: "http://evil\@good/".
    if not url.isascii() or not url.isprintable() or any(c in url for c in " \\@"):
        raise Failure("bad URL")
    if parts.scheme not in ("http", "https"):
        raise Failure("scheme not allowed")
    if host not in hosts:
        raise Failure(f"host not allowed: {str(host)[:80]}")


def _attempt(session, url, path, rules, repeated):
    """One try, redirects included; each of their URLs is checked -> bytes, SHA-256."""
    deadline = time.monotonic() + rules.total_time
    try:
        for _ in range(MAX_REDIRECTS + 1):
            check_url(url, rules.hosts)
            options = {"timeout": rules.timeout, "stream": True, "allow_redirects": False}
            with closing(session.get(url, **options)) as response:
                location = session.get_redirect_target(response)
                if location is None:
                    _check_status(response)
                    return _store(response.raw, path, rules.max_bytes, deadline, repeated)
                url = urljoin(url, location)
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise Failure("timeout", again=True) from None
    except (requests.ConnectionError, urllib3.exceptions.HTTPError):
        raise Failure("connection failed or broken off", again=True) from None
    except (requests.RequestException, UnicodeError):
        raise Failure("bad URL or answer") from None
    raise Failure("too many redirects")


def _check_status(response):
    status = response.status_code
    again = status == 429 or status >= 500
    if status != 200:
        raise Failure(f"HTTP {status}", again, _retry_after(response) if again else None)


def _retry_after(response):
    """Seconds the server asks to wait, None if it doesn't say."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), 2.0**31)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError, TypeError):
        return None


def _store(body, path, max_bytes, deadline, repeated):
    """Body -> temporary file, verified, renamed to path; Failure or InputError leave nothing."""
    if (body.length_remaining or 0) > max_bytes:
        raise Failure(f"over {max_bytes:,} bytes")
    try:
        with whole_file(path, "wb") as file:
            size, digest = _write(body, file, max_bytes, deadline)
            reason = check_image(file.name) or too_small(file.name)
            if reason:
                raise Failure(reason, again=reason == TRUNCATED)
            if reason := repeated(digest):
                raise Failure(reason, body=digest)
    except urllib3.exceptions.HTTPError:
        raise
    except OSError as error:
        raise InputError(f"{path}: can't be written: {error.strerror}") from None
    return size, digest


def _write(body, file, max_bytes, deadline):
    size, digest = 0, hashlib.sha256()
    # read1 returns what has come, so that a server that trickles meets the deadline.
    while chunk := body.read1(CHUNK, decode_content=True):
        size += len(chunk)
        if size > max_bytes:
            raise Failure(f"over {max_bytes:,} bytes")
        if time.monotonic() > deadline:
            raise Failure("timeout", again=True)
        digest.update(chunk)
        file.write(chunk)
    file.flush()
    return size, digest.hexdigest()
