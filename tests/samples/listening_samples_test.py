"""echo_server and graceful_shutdown: the port they are given, and the bytes they send back."""

import random
import socket
import struct
import sys
import threading
import unittest

from program import Program, output_of

BAD_PORTS = ["", "x", "80x", "-1", "70000"]
PATIENCE_SECONDS = 20  # only so that no test hangs


def on_both(suite):
    for name in ("echo_server", "graceful_shutdown"):
        copy = f"{suite.__name__}_{name}"
        setattr(sys.modules[__name__], copy, type(copy, (suite,), {"name": name, "__module__": __name__}))


def random_bytes(count):
    return random.Random(count).randbytes(count)


def send_until_stuck(client, message):
    """Sends and reads nothing, until all buffers are full both ways. How many bytes have gone out."""
    sent = 0
    client.settimeout(0.2)
    try:
        while sent < len(message):
            sent += client.send(message[sent:sent + (1 << 16)])
    except TimeoutError:
        pass
    client.settimeout(PATIENCE_SECONDS)
    return sent


def receive(client, count=sys.maxsize):
    """So many bytes, or all until the other side ends."""
    pieces = []
    while count > 0 and (piece := client.recv(min(count, 1 << 20))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


class ListeningTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Program(cls.name)
        cls.addClassCleanup(cls.server.end)

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_SECONDS)
        self.addCleanup(client.close)
        return client

    def assert_echoed(self, client, message):
        client.sendall(message)
        self.assertEqual(receive(client, len(message)), message)


@on_both
class Port(ListeningTest):
    def test_a_busy_port_is_named(self):
        status, _, complaint = output_of(self.name, str(self.server.port))
        self.assertEqual((status, complaint), (1, f"cannot listen on port {self.server.port}: Address already in use\n"))

    def test_what_is_no_port_is_answered_with_the_usage(self):
        for bad in BAD_PORTS:
            status, _, complaint = output_of(self.name, bad)
            self.assertEqual((status, complaint[:6]), (2, "usage:"), bad)


@on_both
class Echo(ListeningTest):
    def test_bytes_come_back_one_by_one(self):
        client = self.connect()
        for number in range(256):
            self.assert_echoed(client, bytes([number]))

    def test_a_stream_larger_than_all_buffers_comes_back_whole(self):
        client, message = self.connect(), random_bytes(30_000_000)
        sent = send_until_stuck(client, message)  # the server must sit out full buffers, in the middle of a write
        sender = threading.Thread(target=client.sendall, args=(message[sent:],))
        sender.start()
        self.assertTrue(receive(client, len(message)) == message, "not the bytes that were sent")
        sender.join()

    def test_all_that_was_sent_before_a_half_close_comes_back_and_then_the_end(self):
        client, message = self.connect(), random_bytes(100_000)
        client.sendall(message)
        client.shutdown(socket.SHUT_WR)
        self.assertTrue(receive(client) == message, "not the bytes that were sent")

    def test_data_and_half_close_in_one_packet_are_both_seen(self):
        client = self.connect()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # keeps the data back until the end goes with it
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(receive(client), b"last words")

    def test_many_clients_get_their_own_bytes_back(self):
        clients = [self.connect() for _ in range(500)]
        for turn in range(3):
            for number, client in enumerate(clients):
                client.sendall(random_bytes(number + turn + 1))
            for number, client in enumerate(clients):
                expected = random_bytes(number + turn + 1)
                self.assertEqual(receive(client, len(expected)), expected)

    def test_a_reset_by_one_client_is_no_matter_to_another(self):
        rude, polite = self.connect(), self.connect()
        self.assert_echoed(rude, b"hello")
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
        rude.close()
        self.assert_echoed(polite, b"still there?")
        self.assert_echoed(self.connect(), b"and for new ones?")
