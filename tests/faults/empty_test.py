"""EAGAIN where data, room or a connection was expected: it is looked for again after the next edge."""

import os
import socket
import tempfile
import threading

from echo_peer import echo_peer
from exchange import at_once, connected, exchange
from traced_server import FaultTest, TracedServer, until


class Empty(FaultTest):
    def check_storm(self, server, place, calls):
        """Clients that talk on, in small pieces, until the storm is over."""
        base = server.settled()

        def one(i):
            with connected(place) as client:
                return exchange(client, i, 60_000, piece=500, nudges=True)

        outcomes = at_once(4, one)
        for outcome in outcomes:
            self.assertTrue(outcome.sound and outcome.ended == "whole", outcome)
        self.check_back_to(server, *base)
        self.check_end(server)
        self.assertEqual(len(server.injections()), calls)

    def test_reads_that_find_nothing(self):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0"), "recvfrom:error=EAGAIN:when=1..79+2") as server:
            self.check_storm(server, server.port, 40)

    def test_writes_that_find_no_room(self):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0"), "sendto:error=EAGAIN:when=1..79+2") as server:
            self.check_storm(server, server.port, 40)

    def test_several_in_a_row_and_both_ways_at_once(self):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0"), "recvfrom,sendto:error=EAGAIN:when=3..22") as server:
            self.check_storm(server, server.port, 40)

    def test_unix_streams(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "socket")
            with TracedServer(echo_peer("unix", path), "recvmsg,sendto:error=EAGAIN:when=1..39+2") as server:
                self.check_storm(server, path, 40)

    def test_accepts_that_find_nobody_are_made_again_when_somebody_knocks(self):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0"), "accept4:error=EAGAIN:when=1..39+2") as server:
            base = server.settled()
            over = threading.Event()

            def knock():
                while not over.wait(0.02):
                    connected(server.port).close()

            knocker = threading.Thread(target=knock)
            knocker.start()
            until(lambda: len(server.injections()) >= 10)

            def one(i):
                with connected(server.port) as client:
                    return exchange(client, i, 10_000)

            outcomes = at_once(8, one)
            until(lambda: len(server.injections()) == 20)
            over.set()
            knocker.join()
            for outcome in outcomes:
                self.assertEqual((outcome.sound, outcome.ended), (True, "whole"), outcome)
            self.check_back_to(server, *base)
            self.check_end(server)
            self.assertEqual(len(server.injections()), 20)

    def test_datagrams_that_were_announced_in_vain(self):
        # As with a checksum that proves wrong: the report comes, the datagram does not.
        with TracedServer(echo_peer("udp", "127.0.0.1:0"), "recvmsg,recvfrom:error=EAGAIN:when=1..19+2",
                          see=["sendto"]) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(20)
            client.connect(("127.0.0.1", server.port))
            for i in range(40):  # each is answered at the latest when the next one has come
                client.send(str(i).encode())
            client.settimeout(0.05)
            answers = []
            while len(answers) < 40:
                try:
                    answers.append(client.recv(100).decode())
                except TimeoutError:
                    client.send(b"nudge")
            self.assertEqual([a for a in answers if a != "nudge"], [str(i) for i in range(40)][:len(answers)])
            self.check_end(server)
            self.assertGreater(len(server.injections()), 0)
