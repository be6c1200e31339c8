"""A process under test: started (a server: on a free port), watched through /proc, stopped by its pid."""

import ctypes
import os
import selectors
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
libc = ctypes.CDLL(None, use_errno=True)


class ServerFailed(Exception):
    """Says in a few words why there is no such server (any more)."""


class Server:
    def __init__(self, program, cores, workers, log_path, arguments=("0",)):
        if not program or not os.access(program, os.X_OK):
            raise ServerFailed("not built")
        self.log_path = log_path
        self.peak_threads = self.peak_rss_kib = self.peak_descriptors = 0

        def in_child():
            os.sched_setaffinity(0, cores)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # whatever happens to us, it does not stay behind

        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, preexec_fn=in_child,
                env={**os.environ, "RAMIE_WORKERS": str(workers)})

    def wait_until_ready(self, seconds=10):
        """Returns the port it says it listens on."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline().decode() if selector.select(seconds) else None
        if line is None:
            raise ServerFailed(f"not ready after {seconds} s")
        port = line.strip().rpartition(":")[2]
        if not port.isdigit():
            self.process.wait(seconds)
            raise ServerFailed("did not start: " + (self.last_words() or self.ending()))
        return int(port)

    def sample(self, descriptors=False):
        """Notes the peaks so far; False when it has died."""
        if self.process.poll() is not None:
            return False
        try:
            with open(f"/proc/{self.process.pid}/status") as status:
                fields = dict(line.split(":", 1) for line in status)
            self.peak_threads = max(self.peak_threads, int(fields["Threads"]))
            self.peak_rss_kib = max(self.peak_rss_kib, int(fields["VmHWM"].split()[0]))
            if descriptors:
                self.peak_descriptors = max(self.peak_descriptors, self.descriptors())
        except (OSError, KeyError):  # it is just dying
            return False
        return True

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_seconds(self):
        """User and system time of all its threads, also of those that have ended."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            after_name = stat.read().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_SECOND

    def memory_bytes(self):
        """Its share of resident pages (PSS) and its page tables."""
        total = 0
        for file, name in (("smaps_rollup", "Pss"), ("status", "VmPTE")):
            with open(f"/proc/{self.process.pid}/{file}") as fields:
                total += next(int(line.split()[1]) for line in fields if line.startswith(name + ":")) * 1024
        return total

    def wait_until_idle(self, seconds=60, quiet_polls=3):
        """Until it uses no processor time and its memory stays as it is: all its tasks are parked."""
        last, quiet, deadline = None, 0, time.monotonic() + seconds
        while quiet < quiet_polls:
            if self.process.poll() is not None:
                raise ServerFailed(self.last_words() or self.ending())
            if time.monotonic() > deadline:
                raise ServerFailed(f"still busy after {seconds} s")
            time.sleep(0.1)
            now = (self.cpu_seconds(), self.memory_bytes())
            quiet = quiet + 1 if now == last else 0
            last = now

    def ending(self):
        code = self.process.poll()
        if code is None:
            return "still running"
        return f"died: {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    def last_words(self):
        with open(self.log_path, errors="replace") as log:
            lines = log.read().split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def stop(self):
        """SIGTERM, and SIGKILL if it does not listen. Returns a complaint or None."""
        complaint = None
        if self.process.poll() is None:
            self.process.terminate()
            try:
                code = self.process.wait(3)
                if code != 0:
                    complaint = f"stopped badly: {self.ending()}"
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                complaint = "did not stop on SIGTERM, killed"
        self.process.stdout.close()
        if os.path.getsize(self.log_path) == 0:
            os.remove(self.log_path)
        return complaint
