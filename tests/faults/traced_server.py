"""A server under strace, which makes some of its system calls fail without making them.

What may be injected is what the kernel might have said in that place, or the test proves nothing:
- EINTR at any call that is retried; not at close(), which has given the number back when it says so.
- EAGAIN only where an edge still follows, since sockets are watched edge-triggered: the client must go on sending until
  the injections are over (`exchange(..., nudges=True)`). After the end of a stream the kernel never says EAGAIN.
- Errors that end a connection, or that refuse a resource, at any call that may say so.
- A short write or read cannot be injected: the number of bytes is a register, and a made-up result would be a lie about
  bytes that went nowhere. Small buffers make the kernel say it itself (short_test.py).

strace counts the calls of each thread by itself. So what aims at the n-th call runs one worker, and no spare comes for it if it is
late on a busy machine.
"""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import strace_log

LONGEST_RUN_SECONDS = 60  # only so that no test hangs: a server still there is killed, by its pid, and its test fails
PATIENCE_SECONDS = 10
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def cannot_trace():
    """Why not; None if it can be done."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-D", "-f", "--seccomp-bpf", "-o", os.devnull, "-e", "trace=getppid", "-e",
                            "inject=getppid:error=EINTR", "true"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


def is_long():
    return float(os.environ.get("RAMIE_TEST_SCALE", "1")) > 1


def nth(short, long):
    """Which calls are to fail, one in each run: 1 to `short`, or to `long` in the long form."""
    return range(1, (long if is_long() else short) + 1)


def until(is_so):
    """Waits for it; False when patience has ended."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class TracedServer:
    """Runs until the block ends; `port` is where it listens. Each fault is `call,call:error=...:when=...`."""

    def __init__(self, command, *faults, see=(), workers=1, must_listen=True):
        self.directory = tempfile.TemporaryDirectory()
        self.log_path = os.path.join(self.directory.name, "log")
        calls = {call for fault in faults for call in fault.partition(":")[0].split(",")} | set(see)
        trace = [option for fault in faults for option in ("-e", f"inject={fault}")]
        under = ["strace", "-D", "-f", "-yy", "--seccomp-bpf", "-o", self.log_path,
                 "-e", "trace=" + ",".join(sorted(calls)), *trace]
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(  # by -D the server itself, not strace
            under + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env={**os.environ, "RAMIE_WORKERS": str(workers), "RAMIE_STALL_THRESHOLD_MS": "3600000"},
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))  # it does not outlive the tests
        self.status = None
        self.lines = []
        self.watchdog = threading.Timer(LONGEST_RUN_SECONDS, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()
        self.reader = threading.Thread(target=self.read_lines, daemon=True)
        self.reader.start()
        listening = "listening on "
        until(lambda: self.said(listening) or not self.reader.is_alive())
        self.place = next((line.removeprefix(listening) for line in self.lines if line.startswith(listening)), None)
        if self.place is None and must_listen:
            self.__exit__()
            raise AssertionError(f"it does not listen, and ends with status {self.process.returncode}: {self.lines}")
        self.port = int(self.place.rpartition(":")[2]) if self.place and ":" in self.place else None

    def read_lines(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, beginning):
        return [line for line in self.lines if line.startswith(beginning)]

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1])

    def tasks(self):
        """How many there are now; echo-peer tells."""
        asked = len(self.said("tasks "))
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        if not until(lambda: len(self.said("tasks ")) > asked):
            raise AssertionError("the server no longer answers how many tasks it has")
        return int(self.said("tasks ")[-1].split()[1])

    def settled(self):
        """Its descriptors and tasks when there is no client."""
        tasks = self.tasks()  # first: then it has opened all it needs
        return self.descriptors(), tasks

    def is_there(self):
        return self.process.poll() is None

    def injections(self):
        """What was made to fail so far."""
        return strace_log.injections(self.log())

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def end(self):
        """By SIGTERM. Its status; None if it had to be killed."""
        if self.status is None and self.is_there():
            self.process.send_signal(signal.SIGTERM)
        try:
            self.status = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        self.reader.join(PATIENCE_SECONDS)
        # strace writes this when nothing is left to trace.
        last_line = re.compile(rf"^{self.process.pid} +\+\+\+ ", re.MULTILINE)
        until(lambda: last_line.search(self.log()))
        return self.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        until(lambda: "+++" in self.log()[-200:])
        self.directory.cleanup()


class FaultTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if why := cannot_trace():
            raise unittest.SkipTest(why)

    def check_back_to(self, server, descriptors, tasks=None):
        """Nothing is left of the connections."""
        if not until(lambda: server.descriptors() == descriptors):
            self.fail(f"{server.descriptors() - descriptors} descriptors more than before")
        if tasks is not None and not until(lambda: server.tasks() == tasks):
            self.fail(f"{server.tasks() - tasks} tasks more than before")

    def check_end(self, server, status=0):
        self.assertEqual(server.end(), status, server.complaints())
