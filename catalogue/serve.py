"""The page and the API on a port, by waitress. Needs requirements-catalogue.txt."""

import logging
import sys
import time
from ipaddress import ip_address

from command_line.errors import InputError

REQUEST_SECONDS = 30.0  # in which a request must have arrived
THREADS = 8
RED, PLAIN = ("\033[31m", "\033[0m") if sys.stderr.isatty() else ("", "")
INSTALL = "bash scripts/setup.sh --catalogue"


def trusted_hosts(host, allow_host):
    """Names that a request's Host header may give. Raises InputError for an address beyond this
    machine without --allow_host."""
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local and not allow_host:
        raise InputError(
            f"--host={host} can be reached from other machines: name the host that people will ask "
            "for, as --allow_host=shop.example.org",
            2,
        )
    return [name for name in ("127.0.0.1", "localhost", allow_host) if name]


def make_server(app, host, port, request_seconds=REQUEST_SECONDS):
    """A waitress server of the app, not yet running; it listens."""
    from waitress.channel import HTTPChannel
    from waitress.server import TcpWSGIServer, create_server
    from waitress.utilities import Error

    class RequestTimeout(Error):
        code, reason = 408, "Request Timeout"

    class TimedChannel(HTTPChannel):
        """Ends a request that is too long on its way; waitress waits as long as bytes trickle."""

        def received(self, data):
            if self.request is None:
                self.began = time.monotonic()
            return super().received(data)

        def readable(self):
            if self.request is not None and time.monotonic() > self.began + request_seconds:
                with self.requests_lock:
                    late, self.request = self.request, None
                    late.error, late.completed = RequestTimeout("too slow"), True
                    self.requests.append(late)
                    if len(self.requests) == 1:
                        self.server.add_task(self)
            return super().readable()

    most = app.config["MAX_CONTENT_LENGTH"] + 2**20  # above it waitress refuses, below it the page
    try:
        server = create_server(
            app, host=host, port=port, threads=THREADS, ident=None, max_request_body_size=most,
            inbuf_overflow=2 * most,  # never a file
            channel_timeout=int(request_seconds) + 1, cleanup_interval=5, connection_limit=200,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise InputError(f"--host={host} --port={port}: {error}") from None
    if not isinstance(server, TcpWSGIServer):
        raise InputError(f"--host={host}: has several addresses; give one of them", 2)
    server.channel_class = TimedChannel
    return server


def serve(index_dir, checkpoint_dir, host, allow_host, port, model=""):
    """Serves the page until it is interrupted. Raises InputError for a bad flag or index."""
    hosts = trusted_hosts(host, allow_host)
    try:
        import waitress  # noqa: F401 - make_server needs it, and it may be missing

        from catalogue.page import make_app
    except ModuleNotFoundError as error:
        if error.name not in ("flask", "waitress"):
            raise
        raise InputError(f"--serve=True needs {error.name}: {INSTALL}") from None
    from catalogue.search import Searcher

    searcher = Searcher(index_dir, checkpoint_dir, model)
    searcher.warm_up()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a waiting request is no news
    server = make_server(make_app(searcher, hosts), host, port)
    if allow_host:
        print(f"{RED}open to other machines: anyone who reaches {host}:{port} can search and see "
              f"all pictures of {index_dir}{PLAIN}", file=sys.stderr)  # fmt: skip
    print(f"{len(searcher.index):,} pictures on http://{host}:{port}/ (Ctrl-C ends)", flush=True)
    server.run()
    return 0
