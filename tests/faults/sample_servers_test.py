"""The samples that are servers, as they are, under faults."""

import signal
import ssl

from echo_peer import echo_peer
from exchange import Outcome, at_once, connected, exchange
from program import path_of  # tests/samples/program.py
from traced_server import FaultTest, TracedServer, nth, until

INTERRUPTED = ("recvfrom,sendto,recvmsg,sendmsg,accept4,connect:error=EINTR:when=2+2",
               "epoll_wait,epoll_pwait2:error=EINTR:when=2+2")
NO_DESCRIPTORS = ("accept4:error=EMFILE:when=1..9+2",)
NO_WATCHES = ("epoll_ctl:error=ENOSPC:when=9",)


class Sample(FaultTest):
    def check_served(self, server, one, count=6):
        descriptors = server.descriptors()
        outcomes = at_once(count, one)
        self.check_back_to(server, descriptors)
        return outcomes

    def check_all_whole(self, outcomes):
        for outcome in outcomes:
            self.assertEqual((outcome.sound, outcome.ended), (True, "whole"), outcome)

    def check_one_lost(self, outcomes, at_most=1):
        self.assertTrue(all(outcome.sound and outcome.ended != "hangs" for outcome in outcomes), outcomes)
        self.assertLessEqual(sum(outcome.ended != "whole" for outcome in outcomes), at_most, outcomes)


class EchoServer(Sample):
    def one(self, port):
        def talk(i):
            with connected(port) as client:
                return exchange(client, i, 100_000)
        return talk

    def test_nobody_notices_interruptions_or_a_lack_of_descriptors(self):
        for faults in (INTERRUPTED, NO_DESCRIPTORS, INTERRUPTED + ("accept4:error=ECONNABORTED:when=1..9+2",)):
            with self.subTest(faults=faults), TracedServer([path_of("echo_server"), "0"], *faults, workers=2) as server:
                self.check_all_whole(self.check_served(server, self.one(server.port)))
                self.check_end(server, -signal.SIGTERM)  # which it does not handle

    def test_a_broken_connection_or_a_refused_registration_costs_that_connection(self):
        for fault in [f"recvfrom:error=ECONNRESET:when={n}" for n in nth(4, 40)] + list(NO_WATCHES):
            with self.subTest(fault=fault), TracedServer([path_of("echo_server"), "0"], fault) as server:
                self.check_one_lost(self.check_served(server, self.one(server.port), 9))
                self.check_all_whole([self.one(server.port)(100)])
                self.assertEqual(len(server.injections()), 1)
                self.check_end(server, -signal.SIGTERM)


class Proxy(Sample):
    def setUp(self):
        self.target = TracedServer(echo_peer("tcp", "127.0.0.1:0"), see=["accept4"])
        self.addCleanup(self.target.__exit__)

    def proxy(self, *faults, workers=1):
        return TracedServer([path_of("proxy"), "0", str(self.target.port)], *faults, workers=workers)

    def one(self, port):
        return EchoServer.one(self, port)

    def test_nobody_notices_interruptions_or_a_lack_of_descriptors(self):
        for faults in (INTERRUPTED, NO_DESCRIPTORS):
            with self.subTest(faults=faults), self.proxy(*faults, workers=2) as server:
                self.check_all_whole(self.check_served(server, self.one(server.port)))
                self.check_end(server)

    def test_what_is_refused_or_broken_on_either_side_costs_that_connection(self):
        faults = [f"{call}:error=ECONNRESET:when={n}" for call in ("recvfrom", "sendto") for n in nth(3, 30)]
        faults += [f"socket:error=EMFILE:when={n + 1}" for n in nth(2, 6)]  # the first is its listener
        faults += [f"connect:error={error}:when=2" for error in ("ECONNREFUSED", "EADDRNOTAVAIL", "ENETUNREACH")]
        faults += [f"epoll_ctl:error=ENOSPC:when={n + 8}" for n in nth(2, 4)]
        for fault in faults:
            with self.subTest(fault=fault), self.proxy(fault) as server:
                self.check_one_lost(self.check_served(server, self.one(server.port)))
                self.check_all_whole([self.one(server.port)(100)])
                self.assertEqual(len(server.injections()), 1)
                self.check_end(server)


class TlsEcho(Sample):
    def one(self, server):
        until(lambda: "-----END CERTIFICATE-----" in server.lines)
        certificate = "\n".join(server.lines[server.lines.index("-----BEGIN CERTIFICATE-----"):])
        context = ssl.create_default_context(cadata=certificate)

        def talk(i):
            plain = connected(server.port)
            outcome = Outcome(plain.getsockname()[1], i)
            try:
                with context.wrap_socket(plain, server_hostname="localhost") as client:
                    for round_ in range(10):
                        message = bytes([i, round_]) * 2000
                        client.sendall(message)
                        while message:
                            part = client.recv(4096)
                            if not part:
                                outcome.ended = "cut"
                                return outcome
                            outcome.sound &= message.startswith(part)
                            message = message[len(part):]
            except TimeoutError:
                outcome.ended = "hangs"
            except OSError as error:
                outcome.ended = type(error).__name__
            return outcome

        return talk

    def test_nobody_notices_interruptions_or_a_lack_of_descriptors(self):
        for faults in (INTERRUPTED, NO_DESCRIPTORS):
            with self.subTest(faults=faults), TracedServer([path_of("tls_echo"), "0"], *faults, workers=2) as server:
                self.check_all_whole(self.check_served(server, self.one(server), 4))
                self.check_end(server, -signal.SIGTERM)

    def test_a_connection_that_breaks_at_any_call_ends_alone(self):
        for call in ("recvfrom", "sendto"):
            for n in nth(4, 20):
                with self.subTest(call=call, n=n), TracedServer([path_of("tls_echo"), "0"],
                                                                f"{call}:error=ECONNRESET:when={n}") as server:
                    self.check_one_lost(self.check_served(server, self.one(server), 3))
                    self.check_all_whole([self.one(server)(100)])
                    self.check_end(server, -signal.SIGTERM)


class HttpFibers(Sample):
    def one(self, port):
        request = b"GET /missing HTTP/1.1\r\nHost: here\r\n\r\n"

        def talk(i):
            outcome = Outcome(None, i)
            try:
                with connected(port) as client:
                    answers = []
                    for _ in range(5):
                        client.sendall(request)
                        answers.append(client.recv(65536))
                    outcome.sound = all(answer.startswith(b"HTTP/1.1 ") or not answer for answer in answers)
                    outcome.ended = "whole" if all(answers) else "cut"
            except TimeoutError:
                outcome.ended = "hangs"
            except OSError as error:
                outcome.ended = type(error).__name__
            return outcome

        return talk

    def test_nobody_notices_interruptions_or_a_lack_of_descriptors(self):
        for faults in (INTERRUPTED, NO_DESCRIPTORS):
            with self.subTest(faults=faults), TracedServer([path_of("http_fibers"), "0"], *faults, workers=2) as server:
                self.check_all_whole(self.check_served(server, self.one(server.port)))
                self.check_end(server)

    def test_a_connection_that_breaks_at_any_call_ends_alone(self):
        for call in ("recvfrom", "sendto"):
            for n in nth(3, 20):
                with self.subTest(call=call, n=n), TracedServer([path_of("http_fibers"), "0"],
                                                                f"{call}:error=ECONNRESET:when={n}") as server:
                    self.check_one_lost(self.check_served(server, self.one(server.port)))
                    self.check_all_whole([self.one(server.port)(100)])
                    self.check_end(server)
