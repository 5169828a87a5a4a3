"""``python -m book.serve FOLDER``: show a site to readers on this machine.

The server of Python's library starts a thread for every connection, and waits for good for what a connection does not
say. Here at most `READERS` are served at once, the next ones wait for their turn, and each has limited time. Nothing
outside the folder is shown, and no list of a folder.
"""

import argparse
import errno
import functools
import http.server
import io
import os
import socket
import sys
import threading
import time
from pathlib import Path

READERS = 32
#: Seconds for a request to arrive whole, and for an answer to be taken whole.
ASKING, TAKING = 10, 60


class RequestFile(socket.SocketIO):
    """What a connection says, until a deadline: one byte at a time does not make it longer."""

    def __init__(self, connection: socket.socket, seconds: float):
        super().__init__(connection, "r")
        self.connection, self.deadline = connection, time.monotonic() + seconds

    def readinto(self, buffer) -> int | None:
        """Read, or raise TimeoutError at the deadline."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request did not arrive in time")
        self.connection.settimeout(left)
        return super().readinto(buffer)


class Pages(http.server.SimpleHTTPRequestHandler):
    """One answer: a file of the folder, whole."""

    def setup(self):
        """Limit the time for the request."""
        super().setup()
        self.rfile = io.BufferedReader(RequestFile(self.connection, ASKING))

    def send_head(self):
        """Answer with the head for a file of the folder; anything else is not found."""
        if self.is_inside():
            return super().send_head()
        self.send_error(404, "File not found")
        return None

    def is_inside(self) -> bool:
        """Return whether what is asked for lies in the folder, wherever its links lead."""
        try:
            path = Path(self.translate_path(self.path)).resolve()
        except (ValueError, OSError):  # a name with a byte 0, a ring of links
            return False
        return path.is_relative_to(Path(self.directory).resolve())

    def list_directory(self, path):
        """Refuse: folders without an index.html are not listed."""
        self.send_error(404, "File not found")

    def end_headers(self):
        """Let browsers believe what we say a file is."""
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def copyfile(self, source, outputfile):
        """Send a file in one go, because the time limit is one for each go."""
        self.connection.settimeout(TAKING)
        outputfile.write(source.read())

    def log_request(self, code="-", size="-"):
        """Say nothing about what went well."""


class Server(http.server.ThreadingHTTPServer):
    """A server on loopback with at most `READERS` threads."""

    daemon_threads = True
    request_queue_size = 512  # connections that wait for their turn

    def __init__(self, folder: Path, port: int):
        self.slots = threading.BoundedSemaphore(READERS)
        super().__init__(("127.0.0.1", port), functools.partial(Pages, directory=os.fspath(folder)))

    def process_request(self, request, client_address):
        """Start a thread when one is free."""
        self.slots.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.slots.release()
            raise

    def process_request_thread(self, request, client_address):
        """Answer, and free the thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()

    def handle_error(self, request, client_address):
        """Say in one line what went wrong; readers who leave early are no news."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m book.serve", description=__doc__.partition("\n\n")[0])
    parser.add_argument("folder", type=Path, help="such as _build/book/html")
    parser.add_argument("--port", type=int, default=8000, help="8000 by default; 0 takes a free one")
    options = parser.parse_args(arguments)
    if not (options.folder / "index.html").is_file():
        parser.error(f"there is no site at {options.folder}; `make book` builds it, and PROFILE names another one")
    try:
        server = Server(options.folder, options.port)
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        parser.error(f"port {options.port} {'is taken' if taken else f'cannot be used: {error}'}; PORT=8001 is another")
    with server:
        print(f"http://127.0.0.1:{server.server_port}/ until Ctrl-C", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
