"""What a server asks for and is refused: descriptors, memory, room in the epoll set, a process."""

from echo_peer import echo_peer
from exchange import connected, exchange, exchanges
from traced_server import FaultTest, TracedServer, nth


class RefusedAccept(FaultTest):
    def check_all_are_served(self, fault):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0", "tell"), fault) as server:
            base = server.settled()
            for outcome in exchanges(server.port, 6, 20_000):
                self.assertEqual((outcome.sound, outcome.ended), (True, "whole"), outcome)
            self.check_back_to(server, *base)
            self.check_end(server)
            self.assertEqual(server.said("accept: "), ["accept: Operation canceled"])  # by the end, and not before
            return len(server.injections())

    def test_a_lack_of_descriptors_or_memory_is_sat_out(self):
        for error in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"):
            for when in ("1", "2", "1..6", "2..13+3"):
                with self.subTest(error=error, when=when):
                    self.assertGreater(self.check_all_are_served(f"accept4:error={error}:when={when}"), 0)

    def test_connections_that_died_in_the_queue_are_passed_over(self):
        for error in ("ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN", "EHOSTUNREACH", "ETIMEDOUT"):
            with self.subTest(error=error):
                self.assertEqual(self.check_all_are_served(f"accept4:error={error}:when=1..9+2"), 5)


class RefusedRegistration(FaultTest):
    def test_it_costs_that_connection_only(self):
        for error in ("ENOMEM", "ENOSPC"):
            for n in nth(4, 6):
                # The first are those of the loop, made by the main thread.
                with self.subTest(error=error, n=n), TracedServer(
                        echo_peer("tcp", "127.0.0.1:0", "tell"), f"epoll_ctl:error={error}:when={n + 7}") as server:
                    base = server.settled()
                    outcomes = exchanges(server.port, 12, 20_000)
                    self.assertEqual(len(server.injections()), 1)
                    self.assertEqual(sum(outcome.ended != "whole" for outcome in outcomes), 1, outcomes)
                    self.assertTrue(all(outcome.sound and outcome.ended != "hangs" for outcome in outcomes), outcomes)
                    self.check_back_to(server, *base)
                    with connected(server.port) as client:
                        self.assertEqual(exchange(client, 1, 1000).ended, "whole")
                    self.check_end(server)


class RefusedProcess(FaultTest):
    """A connection is to be echoed by a child process, and what that takes is not to be had.

    The first calls of each kind are the runtime's own.
    """

    def check(self, fault, *says, most=1):
        with TracedServer(echo_peer("tcp", "127.0.0.1:0", "tell", "cat"), fault) as server:
            base = server.settled()
            outcomes = exchanges(server.port, 4, 20_000)
            self.assertGreater(len(server.injections()), 0)
            self.assertTrue(all(outcome.sound and outcome.ended != "hangs" for outcome in outcomes), outcomes)
            self.assertLessEqual(sum(outcome.ended != "whole" for outcome in outcomes), most, outcomes)
            self.check_back_to(server, *base)
            ends = [line.partition(": ")[2] for line in server.said("127.0.0.1:")]
            self.assertTrue(all(end in ("whole", *says) for end in ends), ends)
            with connected(server.port) as client:
                self.assertEqual(exchange(client, 1, 1000).ended, "whole")
            self.check_end(server)

    def test_pipes(self):
        for n in nth(4, 6):
            with self.subTest(n=n):
                self.check(f"pipe2:error=EMFILE:when={n + 3}", "Too many open files")

    def test_copies_of_descriptors(self):
        for n in nth(4, 8):
            with self.subTest(n=n):
                self.check(f"fcntl:error=EMFILE:when={n + 4}", "Too many open files")

    def test_the_process_itself(self):
        for n in nth(2, 2):
            with self.subTest(n=n):
                self.check(f"clone,clone3,vfork:error=EAGAIN:when={n + 3}", "Resource temporarily unavailable")

    def test_a_descriptor_for_it(self):
        # Then its end is heard of by SIGCHLD: nobody need notice.
        for n in nth(4, 4):
            with self.subTest(n=n):
                self.check(f"pidfd_open:error=EMFILE:when={n}", "Too many open files")
