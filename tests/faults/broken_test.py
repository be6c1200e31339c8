"""Connections that the system declares broken at the n-th call: that one ends, with that error, and no other."""

from echo_peer import echo_peer
from exchange import connected, exchange, exchanges
from traced_server import FaultTest, TracedServer, is_long, nth


class Broken(FaultTest):
    def check(self, fault, says, *manner, most=1, count=4):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0", "tell", *manner), fault) as server:
            base = server.settled()
            outcomes = exchanges(server.port, count, 1_000_000 if is_long() else 100_000)
            self.check_back_to(server, *base)
            with connected(server.port) as client:
                probe = exchange(client, count, 1000)
            self.check_back_to(server, *base)
            self.check_end(server)
            told_to_fail = {injection.peer for injection in server.injections()}
            self.assertLessEqual(len(told_to_fail), most)
            for outcome in [*outcomes, probe]:
                self.assertTrue(outcome.sound, outcome)
                if outcome.port in told_to_fail:
                    self.assertIn(outcome.ended, ("cut", "ConnectionResetError", "BrokenPipeError", "whole"), outcome)
                    self.assertEqual(server.said(f"127.0.0.1:{outcome.port}: "), [f"127.0.0.1:{outcome.port}: {says}"])
                else:
                    self.assertEqual(outcome.ended, "whole", outcome)
                    self.assertEqual(server.said(f"127.0.0.1:{outcome.port}: "), [f"127.0.0.1:{outcome.port}: whole"])
            return len(told_to_fail)

    def check_each_call(self, call):
        for n in nth(8, 60):
            with self.subTest(n=n):
                hit = self.check(f"{call}:error=ECONNRESET:when={n}", "Connection reset by peer")
                if hit == 0 and n > 8:
                    return  # there were no more calls
                self.assertEqual(hit, 1)

    def test_a_read_that_is_reset(self):
        self.check_each_call("recvfrom")

    def test_a_write_that_is_reset(self):
        self.check_each_call("sendto")

    def test_what_else_may_end_a_connection(self):
        for call, error, says in (("recvfrom", "ETIMEDOUT", "Connection timed out"), ("sendto", "EPIPE", "Broken pipe"),
                                  ("recvfrom", "EHOSTUNREACH", "No route to host"),
                                  ("sendto", "ENOMEM", "Cannot allocate memory"),
                                  ("sendto", "ENOBUFS", "No buffer space available")):
            with self.subTest(call=call, error=error):
                self.assertEqual(self.check(f"{call}:error={error}:when=3", says), 1)

    def test_one_whose_echo_is_a_child_process(self):
        # The child is ended, and waited for, too.
        for call, n in (("recvfrom", 1), ("recvfrom", 3), ("sendto", 2)):
            with self.subTest(call=call, n=n):
                self.assertEqual(self.check(f"{call}:error=ECONNRESET:when={n}", "Connection reset by peer", "cat"), 1)

    def test_hundreds_leave_no_memory_behind(self):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0"), "recvfrom:error=ECONNRESET:when=2+3", workers=2) as server:
            base = server.settled()
            rounds = 120 if is_long() else 60
            resident = []
            for _ in range(rounds):
                for outcome in exchanges(server.port, 25, 20_000):
                    self.assertTrue(outcome.sound and outcome.ended != "hangs", outcome)
                self.check_back_to(server, *base)
                resident.append(server.resident_kib())
            self.check_end(server)
            self.assertGreater(len(server.injections()), 10 * rounds)
            # Three kilobytes for each that broke in the second half would be seen. Some hundreds come by themselves.
            self.assertLess(resident[-1] - resident[rounds // 2], 1024, f"resident, in KiB: {resident}")
