"""echo-peer (echo_peer.cpp) as a process: started, talked to, ended by its standard input."""

import os
import subprocess
import threading
import unittest

PROGRAM = os.path.join(os.environ["RAMIE_BUILD"], "tests", "echo-peer")
LONGEST_RUN_SECONDS = 120  # only so that no test hangs: a program still there is killed, and its test fails


class Peer:
    """Listens until the block ends; `place` is where."""

    def __init__(self, kind, place, *options, under=(), workers=2):
        if not os.access(PROGRAM, os.X_OK):
            raise unittest.SkipTest(f"{PROGRAM} is not built")
        self.process = subprocess.Popen([*under, PROGRAM, kind, place, *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "RAMIE_WORKERS": str(workers)})
        self.watchdog = threading.Timer(LONGEST_RUN_SECONDS, self.process.kill)
        self.watchdog.daemon = True
        self.watchdog.start()
        line = self.process.stdout.readline().rstrip("\n")
        if not line.startswith("listening on "):
            self.__exit__()
            raise AssertionError(f"echo-peer does not listen, but says {line!r}")
        self.place = line.removeprefix("listening on ")
        self.port = int(self.place.rpartition(":")[2]) if ":" in self.place else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.status = self.process.wait()
        self.watchdog.cancel()
        self.process.stdout.close()
