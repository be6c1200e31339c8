"""How many system calls a request costs a server, counted by strace.

What two runs of different length differ by is what the requests cost; starting and ending cost the same in both.
"""

import collections
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

from peer import Peer

PATIENCE_SECONDS = 60  # only so that no test hangs


def can_trace():
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode == 0


def short_connections(port, clients, each):
    """So many clients at once. (One alone would make the server sleep and wake up for every step of it.)"""
    answers = []

    def run():
        for _ in range(each):
            with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as client:
                client.sendall(b"ping")
                answers.append(client.recv(100))

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if answers != [b"ping"] * (clients * each):
        raise AssertionError("a short connection was not answered")


def echoes(port, connections, rounds):
    clients = [socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) for _ in range(connections)]
    for _ in range(rounds):
        for client in clients:
            client.sendall(b"ping")
        for client in clients:
            if client.recv(100) != b"ping":
                raise AssertionError("an echo was not answered")
    for client in clients:
        client.close()


def counted(work, *options):
    """How often the server made each system call."""
    with tempfile.NamedTemporaryFile("r") as counts:
        with Peer("tcp", "127.0.0.1:0", *options, under=("strace", "-f", "-c", "-o", counts.name), workers=2) as peer:
            work(peer.port)
        if peer.status != 0:
            raise AssertionError(f"the server ended with status {peer.status}")
        table = counts.read()
    calls = collections.Counter()
    for line in table.splitlines():
        found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if found and found[2] != "total":
            calls[found[2]] = int(found[1])
    return calls


def per_request(shorter, longer, requests):
    each = {name: (longer[name] - shorter[name]) / requests for name in longer | shorter}
    return sum(each.values()), ", ".join(f"{name} {n:.2f}" for name, n in sorted(each.items(), key=lambda e: -e[1])
                                         if abs(n) >= 0.005)


@unittest.skipUnless(can_trace(), "strace is not installed, or may not trace here")
class SystemCalls(unittest.TestCase):
    def test_a_short_connection_among_many_costs_at_most_seven(self):
        runs = [counted(lambda port: short_connections(port, 32, each), "once") for each in (10, 110)]
        total, each = per_request(*runs, 3200)
        self.assertLessEqual(total, 7, each)

    def test_an_echo_over_a_thousand_connections_costs_little_more_than_its_read_and_its_write(self):
        runs = [counted(lambda port: echoes(port, 1000, rounds)) for rounds in (2, 12)]
        total, each = per_request(*runs, 10_000)
        self.assertLessEqual(total, 2.2, each)


if __name__ == "__main__":
    unittest.main()
