"""Every sample server: clients that are too many, too silent or too slow are let go, and others are served."""

import os
import socket
import threading
import time
import unittest

from program import SAMPLES, Program

ECHOES = ["echo_server", "graceful_shutdown"]
HTTP = ["http_threads", "http_fibers", "http_coroutines"]
PATIENCE_SECONDS = 20  # only so that no test hangs


def rest_of(connection):
    """All that comes until the server closes."""
    pieces = []
    try:
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


class Limits(unittest.TestCase):
    def start(self, name, limits, *arguments):
        server = Program(name, *arguments, limits=limits)
        self.addCleanup(server.end)
        return server

    def connect(self, server):
        connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS)
        self.addCleanup(connection.close)
        return connection

    def drip(self, connection):
        """Sends a byte now and then, until the other side has gone."""
        def send():
            try:
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.01)
            except OSError:
                pass
        thread = threading.Thread(target=send)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(connection.close)

    def target(self):
        """Somebody to whom a proxy may connect."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.addCleanup(listener.close)
        return str(listener.getsockname()[1])

    def test_a_silent_client_is_let_go(self):
        for name in ECHOES + HTTP:
            with self.subTest(server=name):
                self.assertEqual(rest_of(self.connect(self.start(name, "idle_ms=100"))), b"")

    def test_a_silent_client_of_the_proxy_is_let_go(self):
        proxy = self.start("proxy", "idle_ms=100", "0", self.target())
        self.assertEqual(rest_of(self.connect(proxy)), b"")
        self.assertEqual(proxy.next_line(), "client: Connection timed out")

    @unittest.skipUnless(os.path.exists(os.path.join(SAMPLES, "tls_echo")), "built without TLS")
    def test_of_one_tls_client_too_many_there_is_no_handshake(self):
        server = self.start("tls_echo", "connections=1")
        first = self.connect(server)
        self.assertEqual(rest_of(self.connect(server)), b"")
        first.close()

    def test_one_too_many_is_refused_and_one_who_goes_makes_room(self):
        for name in ECHOES:
            with self.subTest(server=name):
                server = self.start(name, "connections=1")
                first = self.connect(server)
                first.sendall(b"hello")
                self.assertEqual(first.recv(10), b"hello")
                self.assertEqual(rest_of(self.connect(server)), b"")
                first.sendall(b"still here")
                self.assertEqual(first.recv(10), b"still here")
                first.close()
                self.until_served(server, b"me?", b"me?")

    def test_one_http_client_too_many_is_refused_and_one_who_goes_makes_room(self):
        for name in HTTP:
            with self.subTest(server=name):
                server = self.start(name, "connections=1")
                first = self.connect(server)
                first.sendall(b"GET / HTTP/1.1\r\n\r\n")
                self.assertIn(b"200 OK", first.recv(1000))
                self.assertEqual(rest_of(self.connect(server)), b"")
                first.close()
                self.until_served(server, b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK")

    def until_served(self, server, question, answer):
        for _ in range(1000):
            connection = self.connect(server)
            try:
                connection.sendall(question)
                if connection.recv(len(answer)) == answer:
                    return
            except OSError:
                pass
            connection.close()
        self.fail("nobody is served any more")

    def test_a_header_that_drips_has_an_end(self):
        for name in HTTP:
            with self.subTest(server=name):
                connection = self.connect(self.start(name, "header_ms=200"))
                connection.sendall(b"GET / HTTP/1.1\r\nA: ")
                self.drip(connection)
                self.assertEqual(rest_of(connection), b"")

    def test_a_body_that_drips_has_an_end(self):
        for name in HTTP:
            with self.subTest(server=name):
                connection = self.connect(self.start(name, "request_ms=200"))
                connection.sendall(b"GET / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
                self.drip(connection)
                self.assertEqual(rest_of(connection), b"")

    def test_many_requests_on_one_connection_have_their_time_each(self):
        for name in HTTP:
            with self.subTest(server=name):
                connection = self.connect(self.start(name, "header_ms=500 request_ms=500"))
                for _ in range(8):
                    connection.sendall(b"GET /sleep?ms=100 HTTP/1.1\r\n\r\n")
                    self.assertIn(b"200 OK", connection.recv(1000))
