"""proxy: real clients and a real target on either side of it."""

import random
import signal
import socket
import struct
import threading
import unittest

from program import Program, output_of

PATIENCE_SECONDS = 20  # only so that no test hangs


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def receive_all(connection):
    pieces = []
    while piece := connection.recv(1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


class Proxy(unittest.TestCase):
    def setUp(self):
        self.target = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.target.settimeout(PATIENCE_SECONDS)
        self.addCleanup(self.target.close)
        self.proxy = Program("proxy", "0", str(self.target.getsockname()[1]))
        self.addCleanup(self.proxy.end)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE_SECONDS)
        self.addCleanup(client.close)
        return client

    def pair(self):
        """A client, and the target's end of its connection."""
        client = self.connect()
        server, _ = self.target.accept()
        server.settimeout(PATIENCE_SECONDS)
        self.addCleanup(server.close)
        return client, server

    def test_bytes_pass_both_ways_as_they_come(self):
        client, server = self.pair()
        for number in range(100):
            client.sendall(bytes([number]))
            self.assertEqual(server.recv(10), bytes([number]))
            server.sendall(bytes([number + 1]))
            self.assertEqual(client.recv(10), bytes([number + 1]))

    def test_the_target_may_still_answer_after_the_client_has_said_all(self):
        client, server = self.pair()
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_all(server), b"question")
        server.sendall(b"a longer answer")
        server.close()
        self.assertEqual(receive_all(client), b"a longer answer")
        self.assertEqual(self.proxy.next_line(), "8 bytes up, 15 down")

    def test_the_client_may_still_speak_after_the_target_has_said_all(self):
        client, server = self.pair()
        server.sendall(b"welcome")
        server.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_all(client), b"welcome")
        client.sendall(b"thank you")
        client.close()
        self.assertEqual(receive_all(server), b"thank you")
        self.assertEqual(self.proxy.next_line(), "9 bytes up, 7 down")

    def test_streams_larger_than_all_buffers_both_ways_at_once(self):
        client, server = self.pair()
        up, down = random.Random(1).randbytes(20_000_000), random.Random(2).randbytes(15_000_001)

        def send(connection, message):
            connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)

        received = []
        threads = [
            threading.Thread(target=send, args=(client, up)),
            threading.Thread(target=send, args=(server, down)),
            threading.Thread(target=lambda: received.append(receive_all(server))),
        ]
        for thread in threads:
            thread.start()
        self.assertTrue(receive_all(client) == down, "not the bytes that were sent")
        for thread in threads:
            thread.join()
        self.assertTrue(received[0] == up, "not the bytes that were sent")
        self.assertEqual(self.proxy.next_line(), f"{len(up)} bytes up, {len(down)} down")

    def test_a_reset_by_the_client_ends_the_connection_to_the_target(self):
        client, server = self.pair()
        client.sendall(b"hello")
        self.assertEqual(server.recv(10), b"hello")
        reset(client)
        self.assertEqual(receive_all(server), b"")
        self.assertEqual(self.proxy.next_line(), "client: Connection reset by peer")

    def test_a_reset_by_the_target_ends_the_connection_to_the_client(self):
        client, server = self.pair()
        server.sendall(b"hello")
        self.assertEqual(client.recv(10), b"hello")
        reset(server)
        self.assertEqual(receive_all(client), b"")
        self.assertEqual(self.proxy.next_line(), "target: Connection reset by peer")

    def test_one_that_stalls_is_no_matter_to_another(self):
        stalled, other = self.pair(), self.pair()
        stalled[0].settimeout(0.2)
        with self.assertRaises(TimeoutError):  # nobody reads it
            while True:
                stalled[0].sendall(bytes(1 << 20))
        other[0].sendall(b"still there?")
        self.assertEqual(other[1].recv(20), b"still there?")

    def test_many_at_once_get_their_own_bytes(self):
        pairs = [self.pair() for _ in range(100)]
        for number, (client, _) in enumerate(pairs):
            client.sendall(str(number).encode())
            client.shutdown(socket.SHUT_WR)
        for number, (_, server) in enumerate(pairs):
            self.assertEqual(receive_all(server), str(number).encode())
            server.sendall(str(number * 2).encode())
            server.close()
        for number, (client, _) in enumerate(pairs):
            self.assertEqual(receive_all(client), str(number * 2).encode())

    def test_a_target_that_refuses_is_the_end_for_the_client(self):
        self.target.close()
        client = self.connect()
        self.assertEqual(receive_all(client), b"")
        self.assertEqual(self.proxy.next_line(), "no connection to the target: Connection refused")

    def test_it_ends_when_asked_to_and_closes_what_is_open(self):
        client, server = self.pair()
        client.sendall(b"hello")
        self.assertEqual(server.recv(10), b"hello")
        self.proxy.signal(signal.SIGTERM)
        self.assertEqual((self.proxy.exit_status(), self.proxy.complaints()), (0, ""))
        self.assertEqual(receive_all(client), b"")
        self.assertEqual(receive_all(server), b"")


class Arguments(unittest.TestCase):
    def test_what_is_no_port_is_answered_with_the_usage(self):
        for bad in (["0"], ["x", "1"], ["0", "host:x"], ["0", "70000"], ["0", "1", "2"]):
            status, _, complaint = output_of("proxy", *bad)
            self.assertEqual((status, complaint[:6]), (2, "usage:"), bad)
