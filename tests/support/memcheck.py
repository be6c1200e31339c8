"""Runs the tests, the hook and some samples under Valgrind's memcheck.

usage: memcheck.py BUILD_DIRECTORY [NAME]   (called by tests/run --valgrind; NAME: only that program)

Two programs at a time. What Valgrind complains of is printed, and then one line, "N passed, N failed". A build without
sanitizers is needed.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "faults"))
from exchange import exchanges  # noqa: E402

LONGEST_RUN_SECONDS = 1800
AT_ONCE = 2
VALGRIND = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
            "--child-silent-after-fork=yes", "--fair-sched=try", "--num-callers=30", "--max-threads=2000"]
# Left out, because they would show nothing of memory, or not end.
LEFT_OUT = {
    "io-tests": ["*a thousand children*",        # each a fork of all that Valgrind has
                 "*somebody else reaps it*", "*no pidfds*",  # fork
                 "*full table*", "*more than the process has room for*",  # Valgrind keeps descriptors above the limit
                 "command: what cannot be executed*",  # Valgrind's vfork shares no memory, so posix_spawn says success
                 # Valgrind keeps the highest signal for itself.
                 "signals: one that comes again*", "signals: a frequent one*", "signals: the highest number*",
                 "signals: as a case of select*", "signals: one that came before*",
                 "load: 20,000*", "load: a thousand*"],  # minutes each
    "fibers-tests": ["stack overflow: *", "stack: *",  # Valgrind has its own say in a fault; they look at unused memory
                     "stack pool: without address space*"],
    "runtime-tests": ["idle: *",                 # count context switches
                      "*100,000*", "*a million*",  # Valgrind looks for the bounds of a stack in a list
                      "*cannot be started*"],    # limit the address space, of which Valgrind needs most itself
    "stress-tests": [],
    # They run themselves, or fork.
    "hook-tests": ["hook: RAMIE_HOOK*", "hook: to wake a worker*", "hook: a child after fork()*"],
}
# Where what forks and expects a death is left out, too (RAMIE_FORKING_TESTS, from tests/run).
FORKING_LEFT_OUT = ("io-tests", "stress-tests", "hook-tests")
# How long the tests go on, where they choose at random. Those of stress do so by the clock.
SCALE = {"stress-tests": "1"}


class Report:
    """What Valgrind wrote, into a file of its own, of one program; and what is to be printed of it, in one piece."""

    def __init__(self, name):
        self.name, self.begun = name, time.monotonic()
        self.log = tempfile.NamedTemporaryFile("r", suffix=".memcheck")
        self.lines = []

    def say(self, *lines):
        self.lines += lines

    def command(self, *arguments):
        return [*VALGRIND, f"--log-file={self.log.name}", *arguments]

    def is_clean(self, output=""):
        # It does not know pidfd_open, and says so in five lines each time; without it, SIGCHLD is listened to.
        text = "".join(line for line in self.log if not line.startswith("--"))
        clean = re.search(r"ERROR SUMMARY: 0 errors", text) is not None
        self.say(f"{self.name}: {'clean' if clean else 'NOT clean'}, {time.monotonic() - self.begun:.0f} s")
        if not clean:
            self.say(text[:20_000], output[-5000:])
        return clean


def run_tests(build, report):
    """How many test cases passed, and failed; what Valgrind finds is one more failure."""
    name = report.name
    left_out = [pattern.replace(",", "\\,") for pattern in LEFT_OUT[name]]
    if name in FORKING_LEFT_OUT:
        left_out += filter(None, [os.environ.get("RAMIE_FORKING_TESTS")])
    options = ["--no-intro=true", "--duration=true", "--test-case-exclude=" + ",".join(left_out)]
    try:
        program = os.path.join(build, "tests", name)
        done = subprocess.run(report.command(program, *options), text=True, capture_output=True,
                              timeout=LONGEST_RUN_SECONDS,
                              env={**os.environ, "RAMIE_TEST_SCALE": SCALE.get(name, "0.05"),
                                   "RAMIE_TEST_PATIENCE": "10"})
    except subprocess.TimeoutExpired as hung:
        report.say(f"{name} is still there after {LONGEST_RUN_SECONDS} s", (hung.stdout or b"").decode()[-2000:])
        return 0, 1
    counts = re.search(r"test cases: +\d+ \| +(\d+) passed \| +(\d+) failed", done.stdout)
    passed, failed = (int(counts[1]), int(counts[2])) if counts else (0, 0)
    if failed or not counts:
        cases = done.stdout.split("=" * 79 + "\n")  # --duration has each announced
        report.say(*[case[:5000] for case in cases if "ERROR" in case or case is cases[-1]], done.stderr[-2000:])
    return passed, failed + (not report.is_clean(done.stderr)) + (not counts)


def run_to_the_end(report, *command, environment={}):
    done = subprocess.run(report.command(*command), text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          timeout=LONGEST_RUN_SECONDS, env={**os.environ, **environment})
    right = done.returncode == 0
    if not right:
        report.say(f"{report.name} ends with status {done.returncode}", done.stdout + done.stderr)
    clean = report.is_clean()
    return (1, 0) if clean and right else (0, 1)


def run_server(report, program):
    """With clients, and then ended by SIGTERM."""
    with subprocess.Popen(report.command(program, "0"), stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(server.stdout.readline().rpartition(":")[2])
            outcomes = exchanges(port, 20, 50_000)
        finally:
            server.send_signal(signal.SIGTERM)
            server.stdout.read()
    whole = all(outcome.sound and outcome.ended == "whole" for outcome in outcomes)
    if not whole:
        report.say(f"{report.name}: {outcomes}")
    clean = report.is_clean()
    return (1, 0) if clean and whole else (0, 1)


def main():
    build = os.path.abspath(sys.argv[1])
    only = sys.argv[2] if len(sys.argv) > 2 else None
    sample = lambda report: os.path.join(build, "samples", report.name)
    tests = lambda report: run_tests(build, report)
    to_the_end = lambda report: run_to_the_end(report, sample(report))
    server = lambda report: run_server(report, sample(report))
    hooked = {"LD_PRELOAD": os.path.join(build, "io", "hook", "libramie-hook.so")}
    hook_program = lambda report: run_to_the_end(report, os.path.join(build, "tests", report.name), "fibers",
                                                 environment=hooked)
    programs = {  # the long ones first
        **{name: tests for name in LEFT_OUT},
        **{name: to_the_end for name in ("hello", "fan_out", "pipeline")},
        **{name: server for name in ("echo_server", "graceful_shutdown")},
        "hook-program": hook_program,
    }

    def run(name):
        report = Report(name)
        return report, programs[name](report)

    passed = failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for ended in as_completed([pool.submit(run, name) for name in programs if only in (None, name)]):
            report, (p, f) = ended.result()
            print(*report.lines, sep="\n", flush=True)
            passed, failed = passed + p, failed + f
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
