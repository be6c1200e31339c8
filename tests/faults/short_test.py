"""Writes and reads that take or give less than they were asked for. strace cannot make them; small buffers can."""

import os
import re
import tempfile

from echo_peer import echo_peer
from exchange import exchanges
from strace_log import complete_lines
from traced_server import FaultTest, TracedServer


def short_ones(log, call):
    """How many of these calls moved less than they were asked to."""
    asked_and_moved = re.compile(rf'{call}\(.*"(?:\.\.\.)?, (\d+), .*\) = (\d+)$')
    found = [asked_and_moved.match(line) for line in complete_lines(log) if line.startswith(call)]
    return sum(int(m[1]) > int(m[2]) > 0 for m in found if m)


class Short(FaultTest):
    def check(self, server, place, size, **how):
        base = server.settled()
        for outcome in exchanges(place, 3, size, **how):
            self.assertEqual((outcome.sound, outcome.ended, outcome.came), (True, "whole", size), outcome)
        self.check_back_to(server, *base)
        self.check_end(server)

    def test_tcp(self):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0", "narrow"), see=["sendto", "recvfrom"]) as server:
            self.check(server, server.port, 3_000_000)
            self.assertGreater(short_ones(server.log(), "sendto"), 10)
            # How many is a matter of who is scheduled when: 9 were seen.
            self.assertGreater(short_ones(server.log(), "recvfrom"), 0)

    def test_tcp_with_more_workers_and_a_peer_that_rests(self):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0", "narrow"), see=["sendto"], workers=2) as server:
            self.check(server, server.port, 3_000_000, pause=0.001)
            self.assertGreater(short_ones(server.log(), "sendto"), 10)

    def test_unix_streams(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "socket")
            with TracedServer(echo_peer("unix", path, "narrow"), see=["sendto"]) as server:
                self.check(server, path, 400_000)
                self.assertGreater(short_ones(server.log(), "sendto"), 30)

    def test_pipes_to_a_child_process(self):
        # Its input fills up while its output waits for the client.
        with TracedServer(echo_peer("tcp", "127.0.0.1:0", "cat", "narrow"), see=["pwritev2", "writev"]) as server:
            self.check(server, server.port, 400_000, pause=0.001)
            self.assertIn("EAGAIN", server.log())
