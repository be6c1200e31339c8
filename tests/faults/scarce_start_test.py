"""Whatever a starting runtime asks for may be refused, at any call: then it serves without, or ends with a message."""

import signal

from echo_peer import echo_peer
from exchange import connected, exchange
from traced_server import FaultTest, TracedServer, nth


class ScarceStart(FaultTest):
    def check(self, fault):
        """Whether it started."""
        with TracedServer(echo_peer("tcp", "127.0.0.1:0"), fault, must_listen=False) as server:
            if server.port is None:
                status = server.end()
                complaints = server.complaints()
                self.assertIsNotNone(status, f"it neither listens nor ends: {complaints}")
                self.assertNotIn(-status, (signal.SIGSEGV, signal.SIGBUS, signal.SIGTERM), complaints)
                self.assertNotEqual(status, 0, complaints)
                if status != -signal.SIGABRT:  # as libuv does without a word
                    self.assertNotEqual(complaints, "")
                return False
            # What is refused later costs a connection at most.
            endings = []
            while len(endings) < 3 or len(endings) < 4 and endings[-1] != "whole":  # the last may be the one that it costs
                with connected(server.port) as client:
                    outcome = exchange(client, len(endings), 50_000)
                    self.assertTrue(outcome.sound, outcome)
                    endings.append(outcome.ended)
            self.assertEqual(endings[-1], "whole", endings)
            self.check_end(server)
            return True

    def check_each(self, calls, error, short, long):
        started = [self.check_one(calls, error, n) for n in nth(short, long)][-3:]
        self.assertIn(True, started, "n never came to calls that do not matter")

    def check_one(self, calls, error, n):
        with self.subTest(calls=calls, error=error, n=n):
            return self.check(f"{calls}:error={error}:when={n}")

    def test_memory(self):
        # Most of these calls are the loader's, malloc's, and the C library's for threads. (The loader does not look at
        # what came of its first.)
        started = [self.check_one("mmap", "ENOMEM", n + 1) for n in nth(40, 60)]
        self.assertIn(True, started)

    def test_advice_and_protection(self):
        self.check_each("madvise", "ENOMEM", 4, 20)
        self.check_each("madvise", "EAGAIN", 1, 20)
        self.check_each("mprotect", "ENOMEM", 14, 40)

    def test_memory_that_is_refused_from_then_on(self):
        for n in nth(14, 60):
            self.check_one("madvise", "ENOMEM", f"{n}+")

    def test_threads(self):
        self.check_each("clone3", "EAGAIN", 4, 8)

    def test_descriptors(self):
        for calls in ("epoll_create1", "eventfd2", "timerfd_create", "pipe2", "socket"):
            self.check_each(calls, "EMFILE", 4, 5)

    def test_registrations(self):
        self.check_each("epoll_ctl", "ENOMEM", 10, 12)
        self.check_each("epoll_ctl", "ENOSPC", 10, 12)

    def test_what_may_be_missing_in_a_sandbox(self):
        for calls in ("membarrier", "prctl", "sched_getaffinity", "rseq", "set_robust_list", "epoll_pwait2"):
            self.assertTrue(self.check_one(calls, "ENOSYS", "1+"))

    def test_addresses(self):
        for calls, error in (("bind", "EADDRINUSE"), ("listen", "EADDRINUSE"), ("getsockname", "ENOBUFS"),
                             ("setsockopt", "ENOMEM")):
            self.assertFalse(self.check_one(calls, error, "1"))
