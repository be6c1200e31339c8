"""Sample servers attacked by crowds: while many clients drip, say nothing, read nothing, come and go or talk nonsense, each of them
is let go by the server's own limits, others are served, and afterwards the server has no more descriptors, threads and memory than
before.

What a single such client meets: limits_test.py. A crowd is one thread here.
"""

import os
import pathlib
import random
import socket
import struct
import time
import unittest

from program import SAMPLES, Program

IS_LONG = float(os.environ.get("RAMIE_TEST_SCALE", 1)) > 1  # else fewer servers and smaller crowds
PATIENCE_SECONDS = 60  # only so that no test hangs
CROWD = 40 if IS_LONG else 12
LIMITS = f"connections={CROWD + 8} idle_ms=200 header_ms=200 request_ms=400 handshake_ms=200"  # places are left
HTTP = ["http_threads", "http_fibers", "http_coroutines"] if IS_LONG else ["http_fibers"]
ECHOES = ["echo_server", "graceful_shutdown"] if IS_LONG else ["echo_server"]
ALL = HTTP + ECHOES + ["proxy", "tls_echo"]
CORPUS = pathlib.Path(__file__).parents[1] / "fuzz" / "corpus"
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 32


class Attacker:
    """One connection: says its text, and then a byte now and then from `drip`; reads or not; and ends when the server does."""

    def __init__(self, port, text=b"", drip=b"", reads=True, half_closes=False):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self.socket.setblocking(False)
        self.unsaid, self.drip, self.reads, self.half_closes = text, drip, reads, half_closes
        self.heard = b""
        self.over = False

    def step(self):
        try:
            if self.unsaid:
                self.unsaid = self.unsaid[self.socket.send(self.unsaid):]
            elif self.half_closes:
                self.half_closes = False
                self.socket.shutdown(socket.SHUT_WR)
            elif self.drip:
                self.socket.send(self.drip[:1])
                self.drip = self.drip[1:] + self.drip[:1]
            if self.reads:
                piece = self.socket.recv(1 << 16)
                self.heard += piece
                self.over = not piece
            elif self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.over = True
        except BlockingIOError:
            pass
        except OSError:
            self.over = True
        if self.over:
            self.socket.close()


class Target:
    """A server that is attacked, and what it has when nobody is there."""

    def __init__(self, test, name):
        arguments = ["0", str(test.start("echo_server").port)] if name == "proxy" else []
        self.name, self.program = name, test.start(name, *arguments)
        self.port = self.program.port
        self.descriptors = self.belongings()[0]
        self.resident = None

    def belongings(self):
        """Descriptors, and resident KiB."""
        process = f"/proc/{self.program.process.pid}"
        with open(f"{process}/statm") as memory:
            resident = int(memory.read().split()[1]) * 4
        return len(os.listdir(f"{process}/fd")), resident

    def serves(self):
        """Somebody who is in no hurry is served in the end."""
        question, answer = (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK") if self.name in HTTP else (b"hello", b"hello")
        if self.name == "tls_echo":
            question, answer = b"nonsense\r\n\r\n", b""  # it closes, with or without an alert
        for _ in range(1000):
            try:
                with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as connection:
                    connection.sendall(question)
                    if connection.recv(len(answer) or 1).startswith(answer):
                        return True
            except OSError:
                pass
        return False

    def is_back(self):
        descriptors, resident = self.belongings()
        return descriptors <= self.descriptors and (self.resident is None or resident <= self.resident * 1.05 + 2048)


class Attacks(unittest.TestCase):
    def start(self, name, *arguments):
        server = Program(name, *arguments, limits=LIMITS, workers=2)
        self.addCleanup(server.end)
        return server

    def targets(self, names):
        """All of them at once: mostly they wait."""
        return [Target(self, name) for name in names if name != "tls_echo" or os.path.exists(os.path.join(SAMPLES, name))]

    def until(self, holds, what_else):
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > end:
                self.fail(what_else())
            time.sleep(0.01)

    def all_let_go(self, attackers, meanwhile=lambda: None):
        """Goes on until the servers have ended each of them."""
        left = list(attackers)

        def step():
            for each in left:
                each.step()
            left[:] = [each for each in left if not each.over]
            meanwhile()
            return not left

        self.until(step, lambda: f"{len(left)} are still there")

    def attack_twice(self, targets, attack):
        """What the first needed of memory may stay; the second needs nothing more."""
        for again in range(2):
            attack()
            for target in targets:
                self.assertTrue(target.serves(), f"nobody is served any more by {target.name}")
                self.until(target.is_back, lambda: (target.name, target.descriptors, target.resident, target.belongings()))
                target.resident = target.belongings()[1]
        for target in targets:
            self.assertIsNone(target.program.process.poll(), target.program.complaints())

    def crowd(self, names, *kinds, count=CROWD):
        """Crowds of each kind, one after the other, at each of these servers."""
        targets = self.targets(names)
        for how in kinds:
            self.attack_twice(targets, lambda: self.all_let_go(
                [Attacker(target.port, **how) for target in targets for _ in range(count)]))

    def test_dripping_headers(self):
        self.crowd(HTTP, {"text": b"GET / HTTP/1.1\r\n", "drip": b"A: b\r\n"})

    def test_dripping_bodies(self):
        self.crowd(HTTP, {"text": b"GET / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n", "drip": b"x"},
                   {"text": b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "drip": b"1\r\nx\r\n"})

    def test_silence(self):
        self.crowd(ALL, {})

    def test_more_than_there_are_places(self):
        self.crowd(ALL, {}, count=4 * CROWD)

    def test_half_a_handshake(self):
        self.crowd(["tls_echo"], {"text": CLIENT_HELLO}, {"text": CLIENT_HELLO, "drip": b"\0"})

    def test_those_who_ask_for_much_and_read_nothing(self):
        self.crowd(HTTP, {"text": b"GET /file?n=100000000 HTTP/1.1\r\n\r\n", "drip": b"G", "reads": False})
        self.crowd(ECHOES + ["proxy"], {"text": b"x" * 20_000_000, "drip": b"x", "reads": False})

    def test_half_closed(self):
        self.crowd(ALL, *({"text": text, "half_closes": True} for text in (b"", b"GET / HT", CLIENT_HELLO)))

    def test_headers_that_are_too_large(self):
        self.crowd(HTTP, *({"text": text} for text in (b"GET / HTTP/1.1\r\nA: " + b"a" * 300_000,
                                                       b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50_000, b"GET /" + b"a" * 300_000)))

    def test_nonsense(self):
        dice = random.Random(4711)
        texts = [dice.randbytes(dice.randrange(1, 3000)) for _ in range(CROWD)]
        for names, corpus in ((HTTP, "http"), (["tls_echo"], "tls")):
            known = [file.read_bytes() for file in sorted((CORPUS / corpus).iterdir())][:CROWD]
            targets = self.targets(names)
            for crowd in (texts, known):
                self.attack_twice(targets, lambda: self.all_let_go(
                    [Attacker(target.port, text=text) for target in targets for text in crowd]))

    def test_comings_and_goings(self):
        targets = self.targets(ALL)

        def churn():
            for n in range(20 * CROWD if IS_LONG else 60):
                for target in targets:
                    connection = socket.create_connection(("127.0.0.1", target.port), PATIENCE_SECONDS)
                    if n % 2:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
                    if n % 3:
                        connection.send(b"GET / HTTP/1.1\r\n\r\n")
                    connection.close()

        self.attack_twice(targets, churn)

    def test_others_are_served_meanwhile(self):
        for names, how in ((HTTP, {"text": b"GET / HTTP/1.1\r\n", "drip": b"A"}), (ECHOES + ["proxy"], {})):
            targets = self.targets(names)
            for target in targets:
                served = []
                self.all_let_go([Attacker(target.port, **how) for _ in range(CROWD)], lambda: served.append(target.serves()))
                self.assertTrue(served and all(served), target.name)
