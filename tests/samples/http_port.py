"""What the tests of the HTTP servers share: a suite that runs once for each port, and HTTP spoken by hand."""

import socket
import sys
import unittest
from typing import NamedTuple

from program import Program

PORTS = ["http_threads", "http_fibers", "http_coroutines"]
PATIENCE_SECONDS = 20  # only so that no test hangs


def on_every_port(suite):
    """Puts one copy of the suite for each server into its module, in place of the suite itself."""
    module = sys.modules[suite.__module__]
    for server in PORTS:
        name = f"{suite.__name__}_{server}"
        setattr(module, name, type(name, (suite,), {"server_name": server, "__module__": suite.__module__}))


class HttpTest(unittest.TestCase):
    """One server for all tests of a suite; each test makes its own connections."""

    @classmethod
    def setUpClass(cls):
        cls.server = Program(cls.server_name)
        cls.addClassCleanup(cls.server.end)

    def connect(self):
        connection = Connection(self.server.port)
        self.addCleanup(connection.close)
        return connection

    def answer_to(self, message):
        """The first answer on a connection of its own."""
        connection = self.connect()
        connection.send(message)
        return connection.answer()

    def everything_said_to(self, message):
        """All bytes until the server closes by itself."""
        connection = self.connect()
        connection.send(message)
        return connection.rest()


def request(target, *headers, method="GET", version="1.1", body=b""):
    lines = [f"{method} {target} HTTP/{version}", "Host: localhost", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Answer(NamedTuple):
    status: int
    headers: dict  # with lower-case names
    body: bytes


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def send(self, message):
        try:
            self.socket.sendall(message)
        except (ConnectionResetError, BrokenPipeError):  # refused half way; what was said to it can still be read
            pass

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def answer(self, has_body=True):
        """The next answer. One to HEAD has no body, whatever its Content-Length says."""
        while b"\r\n\r\n" not in self.unread:
            self._read_more()
        head, _, self.unread = self.unread.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        version, status, *_ = status_line.split()
        if version != "HTTP/1.1":
            raise AssertionError(f"not the beginning of an answer: {status_line[:80]!r}")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0)) if has_body else 0
        pieces, missing = [self.unread], size - len(self.unread)
        while missing > 0:
            pieces.append(self.socket.recv(1 << 20))
            missing -= len(pieces[-1])
            if not pieces[-1]:
                raise EOFError(f"{missing} bytes of {size} are missing")
        received = b"".join(pieces)
        body, self.unread = received[:size], received[size:]
        return Answer(int(status), headers, body)

    def rest(self):
        """Everything until the server closes. It may reset when it has closed on something still unread."""
        try:
            while True:
                self._read_more()
        except (EOFError, ConnectionResetError):
            everything, self.unread = self.unread, b""
            return everything

    def _read_more(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise EOFError("the server has closed the connection")
        self.unread += piece
