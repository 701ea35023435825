"""The page and the API on a port, by waitress. Needs requirements-catalogue.txt."""

import logging
import re
import socket
import sys
import time
from ipaddress import ip_address

from command_line.errors import InputError

# A request may take GRACE and what its bytes take at SLOWEST, of which no more than STALL is saved
# up. Whoever trickles or stalls is ended within 2 s, or within STALL after a burst; a phone on a
# slow 3G line (128 kbit/s) has the ten minutes that 10 MB take it.
GRACE, SLOWEST, STALL = 1.5, 16_000, 5.0  # seconds, bytes/s, seconds
POLL = 0.25  # seconds between two looks at who is late
IDLE = 15  # seconds after which a connection that does nothing is closed
CONNECTIONS = 64  # at once, each with up to 11 MB of an upload in memory; others wait
THREADS = 8
RED, PLAIN = ("\033[31m", "\033[0m") if sys.stderr.isatty() else ("", "")
INSTALL = "bash scripts/setup.sh --catalogue"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # and an address of this machine for itself


def address_of(host):
    """An address of this name, or None."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def in_address(host):
    """A host as a URL and a Host header have it."""
    return f"[{address_of(host)}]" if ":" in host else host.lower()


def trusted_hosts(host, allow_host):
    """What a request's Host header may give, without port. Raises InputError for an address beyond
    this machine without --allow_host, and for one that is no name."""
    address = address_of(host)
    if not (address.is_loopback if address else host.lower() == "localhost") and not allow_host:
        raise InputError(
            f"--host={host} can be reached from other machines: name the host that people will ask "
            "for, as --allow_host=shop.example.org",
            2,
        )
    if allow_host and not address_of(allow_host):
        try:
            allow_host = allow_host.encode("idna").decode()
        except UnicodeError:
            allow_host = " "
        if not re.fullmatch("[A-Za-z0-9.-]+", allow_host):
            raise InputError("--allow_host= is a name as shop.example.org, no http://, no port", 2)
    own = [] if host in EVERYWHERE else [host]
    names = ["127.0.0.1", "localhost", "::1", *own, allow_host]
    return list(dict.fromkeys(in_address(name) for name in names if name))


def require_site(prefix, origins, feedback):
    """Raises InputError for flags by which the page can't live in another site."""
    if prefix and not re.fullmatch(r"(/[\w.~-]+)+", prefix, re.ASCII):
        raise InputError(f"--prefix={prefix}: is of the form /shop", 2)
    for origin in origins:
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?", origin, re.ASCII):
            raise InputError(f"--allow_origin={origin}: is of the form https://shop.example.org", 2)
    if origins and feedback:
        raise InputError("--allow_origin= or --feedback=: other pages must not write it", 2)


def make_server(app, host, port, grace=GRACE, prefix=""):
    """A waitress server of the app, not yet running; it listens. prefix: of paths, which a proxy
    before it may leave on or take off."""
    from waitress.channel import HTTPChannel
    from waitress.server import TcpWSGIServer, create_server
    from waitress.utilities import Error

    class RequestTimeout(Error):
        code, reason = 408, "Request Timeout"

    class TimedChannel(HTTPChannel):
        """Ends a request that is too long on its way; waitress waits as long as bytes trickle."""

        deadline = 0.0  # of the request that is on its way

        def received(self, data):
            before, now = self.request, time.monotonic()
            taken = super().received(data)
            start = max(self.deadline, now) if self.request is before else now + grace
            self.deadline = min(start + len(data) / SLOWEST, now + STALL)
            return taken

        def readable(self):
            if self.request is not None and self.late():
                with self.requests_lock:
                    late, self.request = self.request, None
                    late.error, late.completed = RequestTimeout("too slow"), True
                    self.requests.append(late)
                    if len(self.requests) == 1:
                        self.server.add_task(self)
            return super().readable()

        def late(self):
            if time.monotonic() <= self.deadline:
                return False
            try:  # what this server has not read yet is not the sender's fault
                return not self.socket.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                return True
            except OSError:  # reading it will say so
                return False

    most = app.config["MAX_CONTENT_LENGTH"] + 2**20  # above it waitress refuses, below it the page
    try:
        server = create_server(
            app, host=host, port=port, threads=THREADS, ident=None, max_request_body_size=most,
            url_prefix=prefix,
            inbuf_overflow=2 * most,  # never a file
            channel_timeout=IDLE, cleanup_interval=5, connection_limit=CONNECTIONS,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise InputError(f"--host={host} --port={port}: {error}") from None
    if not isinstance(server, TcpWSGIServer):
        raise InputError(f"--host={host}: has several addresses; give one of them", 2)
    server.channel_class = TimedChannel
    server.adj.asyncore_loop_timeout = POLL  # waitress itself takes whole seconds
    server.adj.asyncore_use_poll = True  # select() refuses file numbers above 1,023
    return server


def serve(host, allow_host, port, *asked, prefix="", origins=(), feedback=""):
    """Serves the page until it is interrupted. asked: arguments of a Searcher; feedback: path of a
    Feedback. Raises InputError for a bad flag or index."""
    require_site(prefix, origins, feedback)
    hosts = trusted_hosts(host, allow_host)
    try:
        import waitress  # noqa: F401 - make_server needs it, and it may be missing

        from catalogue.page import make_app
    except ModuleNotFoundError as error:
        if error.name not in ("flask", "waitress"):
            raise
        raise InputError(f"--serve=True needs {error.name}: {INSTALL}") from None
    from catalogue.feedback import Feedback
    from catalogue.search import Searcher

    feedback = Feedback(feedback) if feedback else None
    searcher = Searcher(*asked)
    searcher.warm_up()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a waiting request is no news
    app = make_app(searcher, hosts, feedback, origins)
    server = make_server(app, host, port, prefix=prefix)
    if allow_host:
        where = searcher.index.about["folder"]
        print(f"{RED}open to other machines: anyone who reaches {host}:{port} can search and see "
              f"all pictures of {where}{PLAIN}", file=sys.stderr)  # fmt: skip
    end = f":{port}{prefix}/"
    here = in_address(EVERYWHERE.get(host, host)) + end
    others = f", for others on http://{in_address(allow_host)}{end}" if allow_host else ""
    print(f"{len(searcher.index):,} pictures on http://{here}{others} (Ctrl-C ends)", flush=True)
    server.run()
    return 0
