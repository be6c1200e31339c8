"""A sample as a process: started, listened to, and ended by its pid."""

import ctypes
import os
import signal
import subprocess
import tempfile
import threading

SAMPLES = os.path.join(os.environ["RAMIE_BUILD"], "samples")
LONGEST_RUN_SECONDS = 120  # only so that no test hangs: a program still there is killed, and its test fails
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def path_of(name):
    for folder in ("", "compare", "ports"):
        path = os.path.join(SAMPLES, folder, name)
        if os.access(path, os.X_OK):
            return path
    raise AssertionError(f"{name} is not built in {SAMPLES}")


def with_workers(count):
    """The environment, with so many workers, or as many as there are cores."""
    return {**os.environ, **({"RAMIE_WORKERS": str(count)} if count else {})}


def output_of(name, *arguments, workers=None):
    """Runs a sample to its end: exit status, standard output, standard error."""
    done = subprocess.run([path_of(name), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=LONGEST_RUN_SECONDS, env=with_workers(workers))
    return done.returncode, done.stdout, done.stderr


class Program:
    """A sample that listens, on a free port of its own choice."""

    def __init__(self, name, *arguments, workers=None, limits=""):
        command = [path_of(name), *(arguments or ["0"])]
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env={**with_workers(workers), "RAMIE_SAMPLE_LIMITS": limits},
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))  # it does not outlive the tests
        self.watchdog = threading.Timer(LONGEST_RUN_SECONDS, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()
        line = self.next_line()
        if not line.startswith("listening on 127.0.0.1:"):
            self.end()
            raise AssertionError(f"{name} does not listen, but says {line!r}")
        self.port = int(line.rpartition(":")[2])

    def next_line(self):
        """What it prints next; empty when it has ended."""
        return self.process.stdout.readline().rstrip("\n")

    def remaining_lines(self):
        """What it prints until it ends."""
        return self.process.stdout.read().splitlines()

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read()

    def signal(self, number):
        self.process.send_signal(number)

    def exit_status(self):
        """Waits for its end."""
        return self.process.wait(LONGEST_RUN_SECONDS)

    def end(self):
        """For clean-ups: whatever state it is in, it is gone after this."""
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
