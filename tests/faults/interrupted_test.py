"""System calls interrupted by signals: nobody may notice."""

import os
import random
import socket
import tempfile

from echo_peer import echo_peer
from exchange import exchanges
from traced_server import FaultTest, TracedServer

TRANSFERS = "recvfrom,sendto,recvmsg,sendmsg,readv,pwritev2,writev,accept4"
WAITS = "epoll_wait,epoll_pwait2,poll,waitid"


class Interrupted(FaultTest):
    # Every second call is interrupted. (Not the first reads, which are the program loader's.)
    faults = (TRANSFERS + ":error=EINTR:when=1+2", "read:error=EINTR:when=20+2", WAITS + ":error=EINTR:when=2+3")

    def check_streams(self, server, place, count, size):
        base = server.settled()
        for outcome in exchanges(place, count, size):
            self.assertTrue(outcome.sound and outcome.ended == "whole" and outcome.came == size, outcome)
        self.check_back_to(server, *base)
        self.check_end(server)
        self.assertGreater(len(server.injections()), 10)

    def test_tcp(self):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0"), *self.faults, workers=2) as server:
            self.check_streams(server, server.port, 8, 300_000)

    def test_unix_streams(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "socket")
            with TracedServer(echo_peer("unix", path), *self.faults, workers=2) as server:
                self.check_streams(server, path, 8, 300_000)

    def test_pipes_and_child_processes(self):
        # The child's calls are interrupted, too; cat can stand it.
        with TracedServer(echo_peer("tcp", "127.0.0.1:0", "cat"), *self.faults, workers=2) as server:
            self.check_streams(server, server.port, 4, 100_000)

    def check_datagrams(self, server, client, to):
        client.settimeout(20)
        for size in (0, 1, 1000, 30_000):
            message = random.Random(size).randbytes(size)
            client.sendto(message, to)
            self.assertEqual(client.recv(70_000), message)
        self.check_end(server)
        self.assertGreater(len(server.injections()), 4)

    def test_udp(self):
        with TracedServer(echo_peer("udp", "127.0.0.1:0"), *self.faults) as server:
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                self.check_datagrams(server, client, ("127.0.0.1", server.port))

    def test_unix_datagrams(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "socket")
            with TracedServer(echo_peer("unix-datagram", path), *self.faults) as server:
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
                    client.bind(path + ".client")
                    self.check_datagrams(server, client, path)
