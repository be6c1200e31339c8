"""graceful_shutdown: who may finish after SIGTERM, who is aborted, and what is said about it."""

import signal
import socket
import unittest

from program import Program

PATIENCE_SECONDS = 20  # only so that no test hangs


class GracefulShutdown(unittest.TestCase):
    def setUp(self):
        self.server = Program("graceful_shutdown")
        self.addCleanup(self.server.end)

    def connect(self):
        """A connection that the server has accepted for certain, since it has answered."""
        client = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_SECONDS)
        self.addCleanup(client.close)
        self.assert_served(client)
        return client

    def ask_to_end(self, number=signal.SIGTERM, still_open=0):
        self.server.signal(number)
        self.assertEqual(self.server.next_line(), f"signal {number}: no more connections, {still_open} open")

    def assert_served(self, client):
        client.sendall(b"ping")
        self.assertEqual(client.recv(4), b"ping")

    def assert_ends_saying(self, *lines):
        self.assertEqual(self.server.remaining_lines(), list(lines))
        self.assertEqual((self.server.exit_status(), self.server.complaints()), (0, ""))

    def test_with_no_connections_it_just_ends(self):
        self.ask_to_end()
        self.assert_ends_saying("ended by themselves: 0, aborted: 0")

    def test_ctrl_c_is_a_request_to_end_as_well(self):
        self.ask_to_end(signal.SIGINT)
        self.assert_ends_saying("ended by themselves: 0, aborted: 0")

    def test_open_connections_are_still_served_but_new_ones_are_refused(self):
        client = self.connect()
        self.ask_to_end(still_open=1)
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.assert_served(client)
        self.assertEqual(client.recv(1), b"", "that was the last answer")
        self.assert_ends_saying("connection over", "ended by themselves: 1, aborted: 0")

    def test_a_connection_that_just_ends_is_over_too(self):
        client = self.connect()
        self.ask_to_end(still_open=1)
        client.close()
        self.assert_ends_saying("connection over", "ended by themselves: 1, aborted: 0")

    def test_who_finishes_in_time_is_counted_and_who_hangs_is_aborted(self):
        finishing, hanging = self.connect(), self.connect()
        self.ask_to_end(still_open=2)
        finishing.close()
        self.assert_ends_saying(*["connection over"] * 2, "ended by themselves: 1, aborted: 1")
        self.assertEqual(hanging.recv(1), b"", "its destructor has closed the connection properly")

    def test_many_hanging_connections_are_aborted_together(self):
        clients = [self.connect() for _ in range(200)]
        self.ask_to_end(still_open=200)
        self.assert_ends_saying(*["connection over"] * 200, "ended by themselves: 0, aborted: 200")
        self.assertEqual({client.recv(1) for client in clients}, {b""})
