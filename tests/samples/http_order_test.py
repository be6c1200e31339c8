"""Many requests at once, on one connection and on many: in which order answers come, and who waits for whom.

A sleep of ten seconds stands for "not before all else is done": what is answered meanwhile did not wait for it.
"""

import socket
import struct
import threading

from http_port import HttpTest, on_every_port, request

LONG_SLEEP = request("/sleep?ms=10000")
SOON_SECONDS = 8  # shorter than the sleep


@on_every_port
class Pipelining(HttpTest):
    def test_thousands_of_requests_are_answered_in_order(self):
        sizes = [i % 9000 for i in range(5000)]
        connection = self.connect()
        everything = b"".join(request(f"/file?n={size}") for size in sizes)
        sender = threading.Thread(target=connection.send, args=(everything,))
        sender.start()
        self.assertEqual([len(connection.answer().body) for _ in sizes], sizes)
        sender.join()

    def test_an_answer_is_sent_before_the_next_one_takes_its_time(self):
        connection = self.connect()
        connection.socket.settimeout(SOON_SECONDS)
        connection.send(request("/") + LONG_SLEEP)
        self.assertEqual(connection.answer().body, b"Hello, world!\n")

    def test_a_request_behind_a_slow_one_waits_for_it(self):
        connection = self.connect()
        connection.send(request("/sleep?ms=20") + request("/cpu?us=2000") + request("/"))
        self.assertEqual([connection.answer().body for _ in range(3)], [b"slept\n", b"computed\n", b"Hello, world!\n"])

    def test_nothing_is_answered_after_a_close(self):
        connection = self.connect()
        connection.send(request("/") + request("/", "Connection: close") + request("/"))
        self.assertEqual(connection.rest().count(b"200 OK"), 2)

    def test_requests_may_come_byte_by_byte(self):
        connection = self.connect()
        post = request("/x", "eXpEcT: 100-continue", "Content-Length: 4", method="POST", body=b"abcd")
        for byte in post + request("/file?n=5"):
            connection.send(bytes([byte]))
        self.assertEqual([connection.answer().status for _ in range(3)], [100, 405, 200])


@on_every_port
class ManyConnections(HttpTest):
    def test_sleeping_connections_hold_nobody_up(self):
        for _ in range(200):
            self.connect().send(LONG_SLEEP)
        connection = self.connect()
        connection.socket.settimeout(SOON_SECONDS)
        connection.send(request("/"))
        self.assertEqual(connection.answer().status, 200)

    def test_each_of_many_connections_gets_its_own_answers(self):
        connections = [self.connect() for _ in range(300)]
        for size, connection in enumerate(connections):
            connection.send(request(f"/file?n={size}") * 2)
        for size, connection in enumerate(connections):
            self.assertEqual([len(connection.answer().body) for _ in range(2)], [size, size])

    def test_a_client_that_resets_in_the_middle_of_an_answer_harms_nobody(self):
        rude = self.connect()
        rude.send(request("/file?n=67108864"))
        rude.socket.recv(1000)
        rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
        rude.close()
        self.assertEqual(self.answer_to(request("/")).status, 200)
