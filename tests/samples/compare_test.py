"""The programs in two colours, fibers and coroutines: given the same, they say the same."""

import signal
import socket
import sys
import threading
import unittest

from program import Program, output_of

COLOURS = ["fibers", "coroutines"]
WORKERS = [1, 2, 4]
PATIENCE_SECONDS = 30  # only so that no test hangs


def in_both_colours(suite):
    """Puts one copy of the suite for each colour into this module, in place of the suite itself."""
    for colour in COLOURS:
        name = f"{suite.__name__}_{colour}"
        setattr(sys.modules[__name__], name, type(name, (suite,), {"colour": colour, "__module__": __name__}))


class Client:
    """Speaks and hears lines."""

    def __init__(self, port, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def say(self, *lines):
        self.socket.sendall("".join(line + "\n" for line in lines).encode())

    def hear(self):
        """The next line; None when the server has closed the connection."""
        try:
            line = self.reader.readline()
        except ConnectionResetError:
            return None
        return line.decode().removesuffix("\n") if line else None

    def hear_rest(self):
        lines = []
        while (line := self.hear()) is not None:
            lines.append(line)
        return lines

    def answer(self, line):
        self.say(line)
        return self.hear()

    def close(self):
        self.reader.close()
        self.socket.close()


class ServerTest(unittest.TestCase):
    """A server for each test."""

    def start(self, *arguments, workers=None):
        self.server = Program(f"{self.program}_{self.colour}", *arguments, workers=workers)
        self.addCleanup(self.server.end)

    def connect(self, **options):
        client = Client(self.server.port, **options)
        self.addCleanup(client.close)
        return client

    def assert_ends(self):
        self.server.signal(signal.SIGTERM)
        self.assertEqual((self.server.exit_status(), self.server.complaints()), (0, ""))


@in_both_colours
class FanOut(ServerTest):
    program = "fan_out"

    @classmethod
    def setUpClass(cls):
        cls.upstream = Program("upstream")
        cls.addClassCleanup(cls.upstream.end)

    def start(self, deadline_ms=60_000, workers=None, upstream=None):
        super().start(str(upstream or self.upstream.port), str(deadline_ms), workers=workers)

    def test_the_answers_come_in_the_order_of_the_questions(self):
        self.start()
        client = self.connect()
        self.assertEqual(client.answer("3 2/30 1"), "9 4 1")
        self.assertEqual(client.answer(" ".join(map(str, range(64)))), " ".join(str(n * n) for n in range(64)))
        self.assertEqual(client.answer(""), "")

    def test_who_is_late_is_given_up_and_asked_again_next_time(self):
        self.start(deadline_ms=300)
        client = self.connect()
        self.assertEqual(client.answer("hang 2 3/3600000"), "late 4 late")
        self.assertEqual(client.answer("4 5 6"), "16 25 36", "no late answer in place of a new one")

    def test_a_lost_upstream_is_said_to_be_and_connected_to_again(self):
        self.start()
        client = self.connect()
        self.assertEqual(client.answer("1 drop 3"), "1 lost 9")
        self.assertEqual(client.answer("4 5 6"), "16 25 36")

    def test_where_no_upstream_listens_all_are_lost(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            nobody = taken.getsockname()[1]
        self.start(upstream=nobody)
        self.assertEqual(self.connect().answer("1 2"), "lost lost")

    def test_one_client_does_not_wait_for_another(self):
        self.start()
        waiting = self.connect()
        waiting.say("hang")
        self.assertEqual(self.connect().answer("7"), "49")

    def test_many_clients_get_their_own_answers_under_any_number_of_workers(self):
        for workers in WORKERS:
            self.start(workers=workers)
            clients = [self.connect() for _ in range(30)]
            for _ in range(3):
                for n, client in enumerate(clients):
                    client.say(f"{n} {n + 1} x")
                for n, client in enumerate(clients):
                    self.assertEqual(client.hear(), f"{n * n} {(n + 1) * (n + 1)} ?")
            self.assert_ends()

    def test_deadlines_under_any_number_of_workers(self):
        for workers in WORKERS:
            self.start(deadline_ms=100, workers=workers)
            clients = [self.connect() for _ in range(20)]
            for _ in range(3):
                for client in clients:
                    client.say("hang hang/ hang hang")
                self.assertEqual({client.hear() for client in clients}, {"late ? late late"})

    def test_a_request_too_long_ends_the_connection(self):
        self.start()
        client = self.connect()
        client.say("1 " * 2000)
        self.assertIsNone(client.hear())
        self.assertEqual(self.connect().answer("1"), "1")

    def test_sigterm_ends_it_in_the_middle_of_requests(self):
        for workers in WORKERS:
            self.start(workers=workers)
            asking, idle = self.connect(), self.connect()
            self.assertEqual([asking.answer("1"), idle.answer("1")], ["1", "1"])
            asking.say("hang 3600000/3600000")
            self.assert_ends()


@in_both_colours
class Pipeline(unittest.TestCase):
    def output(self, *arguments, workers=None):
        return output_of(f"pipeline_{self.colour}", *map(str, arguments), workers=workers)

    def test_every_item_passes_all_stages_in_order(self):
        for items, stages in ((1, 1), (100, 3), (1000, 40)):
            checksum = 0
            for value in range(1, items + 1):
                for stage in range(1, stages + 1):
                    value = value * 31 + stage
                checksum = checksum * 33 + value
            for workers in WORKERS:
                self.assertEqual(
                    self.output(items, stages, workers=workers),
                    (0, f"{items} items through {stages} stages: {checksum % (1 << 64):016x}\n", ""))

    def test_a_stage_that_fails_ends_all_whatever_they_wait_for(self):
        for workers in WORKERS:
            for bad in (1, 17, 500):
                self.assertEqual(self.output(500, 9, 0, bad, workers=workers),
                                 (1, "", f"stage 5 refuses item {bad}\n"))

    def test_a_failure_does_not_wait_for_a_source_that_pauses(self):
        an_hour = 3_600_000
        for workers in WORKERS:
            self.assertEqual(self.output(2, 9, an_hour, 1, workers=workers), (1, "", "stage 5 refuses item 1\n"))


@in_both_colours
class Sum(unittest.TestCase):
    def output(self, *arguments, workers=None):
        return output_of(f"sum_{self.colour}", *map(str, arguments), workers=workers)

    def test_all_blocks_are_added_up(self):
        for workers in WORKERS:
            for blocks, pause in ((1, 0), (2, 0), (1000, 0), (20_000, 0), (999, 20)):
                total = blocks * (blocks + 1) * (2 * blocks + 1) // 6
                self.assertEqual(self.output(blocks, pause, workers=workers),
                                 (0, f"the sum of {blocks} blocks is {total}\n", ""))

    def test_a_bad_block_ends_everything_at_once(self):
        an_hour = 3_600_000  # that the other blocks take
        for workers in WORKERS:
            for bad in (1, 2, 500, 999, 1000):
                self.assertEqual(self.output(1000, an_hour, bad, workers=workers),
                                 (1, "", f"block {bad} cannot be read\n"))


@in_both_colours
class Depth(unittest.TestCase):
    def test_what_comes_up_through_the_levels_does_not_depend_on_the_waiting(self):
        for levels in (0, 1, 20):
            checksum = 0
            for value in range(1, 51):
                for level in range(1, levels + 1):
                    value = value * 31 + level
                checksum += 3 * value
            said = f"3 tasks, 50 calls through {levels} levels: {checksum % (1 << 64):016x}\n"
            for wait_every, pause in ((0, 0), (1, 0), (7, 0), (10, 1)):
                for workers in WORKERS:
                    numbers = map(str, (50, levels, wait_every, 3, pause))
                    self.assertEqual(output_of(f"depth_{self.colour}", *numbers, workers=workers), (0, said, ""))


@in_both_colours
class Arguments(unittest.TestCase):
    def test_what_is_no_number_out_of_range_or_too_much_is_answered_with_the_usage(self):
        for program, bad in (("pipeline", ["0"]), ("pipeline", ["1", "x"]), ("pipeline", ["1", "1", "-1"]),
                             ("pipeline", ["1"] * 5), ("pipeline", [""]), ("sum", ["0"]), ("sum", ["1", "1", "1x"]),
                             ("depth", ["1", "501"]), ("fan_out", []), ("fan_out", ["0"]), ("fan_out", ["1", "0"]),
                             ("fan_out", ["1", "1", "65536"]), ("chat", ["x"]), ("chat", ["0", "0"])):
            status, text, complaint = output_of(f"{program}_{self.colour}", *bad)
            self.assertEqual((status, text, complaint[:6]), (2, "", "usage:"), (program, bad))

    def test_a_busy_port_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            for program, arguments in (("chat", [port]), ("fan_out", ["1", "1", port])):
                self.assertEqual(output_of(f"{program}_{self.colour}", *arguments),
                                 (1, "", f"cannot listen on 127.0.0.1:{port}: Address already in use\n"))


@in_both_colours
class Chat(ServerTest):
    program = "chat"

    def enter(self, name, room=None, **options):
        guest = self.connect(**options)
        self.assertEqual(guest.answer(name), f"* {name} joins")
        if room:
            guest.say(f"/join {room}")
            self.assertEqual([guest.hear(), guest.hear()], [f"* {name} goes to {room}", f"* {name} joins"])
        return guest

    def test_all_in_the_room_hear_what_is_said(self):
        self.start()
        ann, bob = self.enter("ann"), self.enter("bob")
        self.assertEqual(ann.hear(), "* bob joins")
        ann.say("hello", "anybody?")
        bob.say("here")
        for guest in (ann, bob):
            heard = [guest.hear() for _ in range(3)]
            self.assertEqual([line for line in heard if line.startswith("ann")], ["ann: hello", "ann: anybody?"])
            self.assertIn("bob: here", heard)

    def test_rooms_do_not_hear_each_other(self):
        self.start()
        ann, bob = self.enter("ann", "attic"), self.enter("bob", "cellar")
        ann.say("up here")
        self.assertEqual(ann.hear(), "ann: up here")
        bob.say("down here")
        self.assertEqual(bob.hear(), "bob: down here")
        self.assertEqual([ann.answer("/who"), bob.answer("/who")], ["* here: ann", "* here: bob"])
        bob.say("/join attic")
        self.assertEqual([bob.hear(), bob.hear(), ann.hear()], ["* bob goes to attic", "* bob joins", "* bob joins"])
        self.assertEqual(ann.answer("/who"), "* here: ann bob")

    def test_leaving_is_noticed_whichever_way(self):
        self.start()
        ann, bob, cid = self.enter("ann", "r"), self.enter("bob", "r"), self.enter("cid", "r")
        self.assertEqual([ann.hear(), ann.hear()], ["* bob joins", "* cid joins"])
        bob.say("/quit", "not heard any more")
        self.assertEqual(bob.hear_rest(), ["* cid joins"])
        self.assertEqual(ann.hear(), "* bob leaves")
        cid.close()
        self.assertEqual(ann.hear(), "* cid leaves")
        self.assertEqual(ann.answer("/who"), "* here: ann")

    def test_bad_names_and_commands_are_answered(self):
        self.start()
        self.enter("ann", "elsewhere")
        for name in ("", "two words", "/quit", "x" * 33, "\x00"):
            nobody = self.connect()
            nobody.say(name)
            self.assertEqual(nobody.hear_rest(), ["! a name is 1 to 32 letters or digits"])
        again = self.connect()
        again.say("ann")
        self.assertEqual(again.hear_rest(), ["! ann is taken"])
        bob = self.enter("bob")
        for command in ("/nosuch", "/join", "/join two words", "/"):
            self.assertEqual(bob.answer(command), "! /join ROOM, /who, /quit")

    def test_a_line_too_long_ends_the_connection(self):
        self.start()
        ann, bob = self.enter("ann"), self.enter("bob")
        bob.say("x" * 1023)
        self.assertEqual([ann.hear(), ann.hear()], ["* bob joins", "bob: " + "x" * 1023])
        bob.say("x" * 5000)
        self.assertEqual(ann.hear(), "* bob leaves")

    def flood(self, guest, until):
        """Talks, hearing itself, until it hears that."""
        found = False
        for count in range(100_000):
            heard = guest.answer(f"{count} " + "x" * 900)
            while not heard.startswith("ann:"):
                found = found or heard == until
                heard = guest.hear()
            if found:
                return
        self.fail(f"never heard {until!r}")

    def test_who_reads_too_slowly_is_cut_off_and_the_others_are_not_held_up(self):
        for workers in WORKERS:
            self.start(workers=workers)
            ann = self.enter("ann")
            slow = self.enter("slow", receive_buffer=4096)
            bob = self.enter("bob", "elsewhere")
            self.flood(ann, "* slow is too slow")
            self.assertEqual(bob.answer("/who"), "* here: bob")
            self.assertEqual(ann.answer("/who"), "* here: ann")
            heard = slow.hear_rest()
            numbers = [line.split()[1] for line in heard[:-1] if line[0] == "a"]  # the last line may be cut off, too
            self.assertEqual((numbers, len(numbers) > 5), (list(map(str, range(len(numbers)))), True))
            again = self.enter("slow")  # the name is free again, and stays taken when the old connection goes
            self.assertEqual(again.answer("/who"), "* here: ann slow")
            self.assert_ends()

    def test_many_guests_hear_everything_in_one_order(self):
        for workers in WORKERS:
            self.start(workers=workers)
            guests = [self.enter(f"g{n}") for n in range(20)]
            for n, guest in enumerate(guests):
                self.assertEqual([guest.hear() for _ in guests[n + 1:]], [f"* g{m} joins" for m in range(n + 1, 20)])
            for n, guest in enumerate(guests):
                guest.say(f"first of {n}", f"second of {n}")  # from all at once: 40 lines, fewer than an outbox takes
            heard = [[guest.hear() for _ in range(40)] for guest in guests]
            self.assertEqual(sorted(heard[0]), sorted(f"g{n}: {word} of {n}" for n in range(20)
                                                      for word in ("first", "second")))
            self.assertEqual([lines for lines in heard if lines != heard[0]], [])
            self.assert_ends()

    def test_sigterm_sends_the_last_lines_and_ends(self):
        for workers in WORKERS:
            self.start(workers=workers)
            ann, stranger = self.enter("ann"), self.connect()
            stranger.say("b\x00b")  # answered, so that it has been accepted
            self.assertEqual(len(stranger.hear_rest()), 1)
            silent = self.connect()
            self.assertEqual(ann.answer("hello"), "ann: hello")
            self.assert_ends()
            self.assertEqual(ann.hear_rest(), ["* the chat is over"])
            self.assertIn(silent.hear_rest(), (["* the chat is over"], []))  # it may not have been accepted yet

    def test_sigterm_does_not_wait_for_long_for_who_does_not_read(self):
        self.start()
        ann = self.enter("ann")
        stuck = self.enter("stuck", receive_buffer=4096)
        self.assertEqual(ann.hear(), "* stuck joins")
        for _ in range(40):  # fewer than make it too slow
            self.assertTrue(ann.answer("x" * 1000))
        self.assert_ends()
        self.assertEqual(ann.hear_rest(), ["* the chat is over"])
        stuck.close()
