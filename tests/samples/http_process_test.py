"""The HTTP servers as processes: their port, their end, and life without free descriptors."""

import os
import resource
import signal
import time

from http_port import HttpTest, on_every_port, request
from program import Program, output_of

BAD_PORTS = ["", "x", "80x", "-1", "70000"]


@on_every_port
class Starting(HttpTest):
    def test_a_busy_port_is_named(self):
        status, _, complaint = output_of(self.server_name, str(self.server.port))
        self.assertEqual((status, complaint),
                         (1, f"cannot listen on 127.0.0.1:{self.server.port}: Address already in use\n"))

    def test_what_is_no_port_is_answered_with_the_usage(self):
        for bad in BAD_PORTS:
            status, _, complaint = output_of(self.server_name, bad)
            self.assertEqual((status, complaint[:6]), (2, "usage:"), bad)


@on_every_port
class Ending(HttpTest):
    def setUp(self):
        self.server = Program(self.server_name)  # one for each test, since the test ends it
        self.addCleanup(self.server.end)

    def ends_well_on(self, number):
        busy, idle = self.connect(), self.connect()
        busy.send(request("/") + request("/sleep?ms=10000"))
        idle.send(request("/"))
        self.assertEqual([busy.answer().status, idle.answer().status], [200, 200])
        self.server.signal(number)
        self.assertEqual((self.server.exit_status(), self.server.complaints()), (0, ""))

    def test_sigterm_ends_it_with_connections_open(self):
        self.ends_well_on(signal.SIGTERM)

    def test_sigint_ends_it_with_connections_open(self):
        self.ends_well_on(signal.SIGINT)


@on_every_port
class OutOfDescriptors(HttpTest):
    def setUp(self):
        pid = self.server.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (40, hard))
        self.addCleanup(resource.prlimit, pid, resource.RLIMIT_NOFILE, (soft, hard))

    def processor_seconds(self):
        with open(f"/proc/{self.server.process.pid}/stat") as stat:
            after_name = stat.read().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def test_it_waits_idly_and_goes_on_when_there_are_some_again(self):
        connections = [self.connect() for _ in range(60)]  # the kernel accepts more than the server can
        for connection in connections:
            connection.send(request("/"))
        self.assertEqual(connections[0].answer().status, 200)

        before = self.processor_seconds()
        time.sleep(0.5)
        self.assertLess(self.processor_seconds() - before, 0.25, "processor time used while there is nothing to do")

        for connection in connections[:55]:
            connection.close()
        self.assertEqual([connection.answer().status for connection in connections[55:]], [200] * 5)
