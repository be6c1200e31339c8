"""parallel: real commands as its children, and whatever there is as its input."""

import os
import pathlib
import pty
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from program import LONGEST_RUN_SECONDS, path_of

PATIENCE_SECONDS = 20  # only so that no test hangs


def start(*arguments, stdin=subprocess.PIPE):
    return subprocess.Popen([path_of("parallel"), *arguments], stdin=stdin, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def run(commands, *arguments):
    """Exit status, standard output, standard error."""
    process = start(*arguments)
    out, err = process.communicate(commands, LONGEST_RUN_SECONDS)
    return process.returncode, out, err


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Parallel(unittest.TestCase):
    def test_every_line_is_run(self):
        status, out, err = run("echo one\necho two; echo three\n\necho $((2 * 2))")
        self.assertEqual((status, sorted(out.split()), err), (0, ["4", "one", "three", "two"], ""))

    def test_nothing_to_do(self):
        self.assertEqual(run(""), (0, "", ""))

    def test_one_at_a_time_they_run_in_order(self):
        commands = "".join(f"echo {number}\n" for number in range(200))
        self.assertEqual(run(commands, "1"), (0, "".join(f"{number}\n" for number in range(200)), ""))

    def test_a_thousand_children(self):
        status, out, err = run("".join(f"echo {number}\n" for number in range(1000)), "50")
        self.assertEqual((status, sorted(map(int, out.split())), err), (0, list(range(1000)), ""))

    def test_failures_are_named_and_counted(self):
        status, out, err = run("exit 3\nkill -9 $$\ntrue\n", "1")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(err, "exit 3: exit code 3\nkill -9 $$: killed by signal 9 (Killed)\n")

    def test_they_do_run_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            fifo = os.path.join(folder, "fifo")
            os.mkfifo(fifo)
            # Neither ends without the other.
            status, out, _ = run(f"echo through > {fifo}\ncat {fifo}\n", "2")
            self.assertEqual((status, out), (0, "through\n"))

    def test_a_signal_ends_it_and_its_children(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = start()
            with tempfile.NamedTemporaryFile("r") as pids:
                process.stdin.write(f"echo $$ >> {pids.name}; exec sleep 1000\n" * 3)
                process.stdin.flush()
                limit = time.monotonic() + PATIENCE_SECONDS
                while len(children := pathlib.Path(pids.name).read_text().split()) < 3:
                    self.assertLess(time.monotonic(), limit)
                    time.sleep(0.005)
                process.send_signal(number)
                out, err = process.communicate(timeout=PATIENCE_SECONDS)
                self.assertEqual((process.returncode, out, err), (128 + number, "", f"ended by signal {number}\n"))
                while any(is_running(pid) for pid in children):
                    self.assertLess(time.monotonic(), limit)
                    time.sleep(0.005)

    def test_its_children_see_none_of_its_descriptors(self):
        status, out, _ = run("ls /proc/self/fd\n")
        self.assertEqual((status, out.split()), (0, ["0", "1", "2", "3"]))  # ls has the directory open


class Inputs(unittest.TestCase):
    def assert_runs(self, process, expected):
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        self.assertEqual((process.returncode, out, err), (0, expected, ""))

    def test_a_file_is_read_as_far_as_the_one_before_left_it(self):
        with tempfile.TemporaryFile() as commands:
            commands.write(b"not for us\necho from a file\n")
            commands.flush()
            os.lseek(commands.fileno(), len("not for us\n"), os.SEEK_SET)
            self.assert_runs(start(stdin=commands), "from a file\n")

    def test_nothing_at_all(self):
        self.assert_runs(start(stdin=subprocess.DEVNULL), "")

    def test_a_socket(self):
        ours, its = socket.socketpair()
        with ours:
            process = start(stdin=its)
            its.close()
            ours.sendall(b"echo from a socket\n")
            ours.shutdown(socket.SHUT_WR)
            self.assert_runs(process, "from a socket\n")

    def test_a_terminal_whose_flags_are_not_touched(self):
        keyboard, terminal = pty.openpty()
        process = start("1", stdin=terminal)
        os.write(keyboard, b"echo from a terminal\n")
        self.assertEqual(process.stdout.readline(), "from a terminal\n")
        self.assertTrue(os.get_blocking(terminal))
        os.write(keyboard, b"\x04")  # the end of the input
        self.assert_runs(process, "")
        os.close(keyboard)
        os.close(terminal)

    def test_a_closed_one_is_an_error(self):
        done = subprocess.run(["/bin/sh", "-c", f"exec {path_of('parallel')} <&-"], capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS)
        self.assertEqual((done.returncode, done.stderr), (1, "the input cannot be read\n"))

    def test_bad_numbers_of_jobs(self):
        for bad in ("0", "-1", "x", "3x", ""):
            self.assertEqual(run("", bad)[0], 2, bad)
