"""Runs the tests of what a user touches first: the samples as processes, sockets from outside, servers under faults,
compile errors, the installed library, bench/run.

usage: python_tests.py BUILD_DIRECTORY [PATTERN]   (called by tests/run; PATTERN picks tests by a part of their name)

Two processes share most of them: those that talk to servers mostly wait, those that call compilers and checkers never do.
Then come those that count system calls of each thread (faults), which a busy machine would share out among more threads.
Prints how long each folder took, the failures in full, and then one line, "N passed, N failed".
"""

import os
import signal
import subprocess
import sys
import time
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARES = {
    "servers": ("samples", "io", "libraries", "threads", "soak"),
    "compilers": ("house", "model", "gdb", "compile_fail", "consumer", "bench"),
    "faults": ("faults",),
}
TOGETHER = (("servers", "compilers"), ("faults",))


class Counts(unittest.TextTestResult):
    passed = 0
    running = None

    def startTest(self, test):
        super().startTest(test)
        Counts.running = test.id()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def out_of_time(*_):  # an exception would be caught as the test's own
    os.write(1, f"the time ran out in {Counts.running}\n".encode())
    os._exit(1)


def find(folder, pattern):
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{pattern}*"]
    return loader.discover(os.path.join(TESTS, folder), pattern="*_test.py")


def run_share(share, pattern):
    signal.signal(signal.SIGTERM, out_of_time)
    passed, skipped, failures, times = 0, [], [], []
    sys.path.append(os.path.join(TESTS, "samples"))  # program.py, which tests in other folders use, too
    for folder in SHARES[share]:
        start = time.monotonic()
        with open(os.devnull, "w") as nowhere:
            result = unittest.TextTestRunner(nowhere, resultclass=Counts).run(find(folder, pattern))
        times.append(f"{folder} {time.monotonic() - start:.0f} s")
        passed += result.passed
        skipped += [reason for _, reason in result.skipped]
        failures += result.failures + result.errors
    print(f"{share}: {', '.join(times)}")
    for reason in sorted(set(skipped)):
        print(f"{skipped.count(reason)} skipped: {reason}")
    for test, report in failures:
        print(f"FAILED {test.id()}\n{report}")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


def run_together(names, pattern):
    """The counts of passed and failed."""
    shares = [subprocess.Popen([sys.executable, "-uB", __file__, sys.argv[1], pattern, name], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True) for name in names]

    def pass_on(*_):
        for share in shares:
            share.terminate()

    signal.signal(signal.SIGTERM, pass_on)
    passed = failed = 0
    for share in shares:
        *said, last = share.communicate()[0].splitlines() or [""]
        words = last.split()
        counted = share.returncode in (0, 1) and last.endswith(" failed")
        print("\n".join(said if counted else [*said, last, f"{share.args[-1]} ended with status {share.returncode}"]))
        passed += int(words[0]) if counted else 0
        failed += int(words[2]) if counted else 1
    return passed, failed


def run_all(pattern):
    counts = [run_together(names, pattern) for names in TOGETHER]
    passed, failed = map(sum, zip(*counts))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    os.environ["RAMIE_BUILD"] = os.path.abspath(sys.argv[1])
    pattern = sys.argv[2] if len(sys.argv) > 2 else ""
    return run_share(sys.argv[3], pattern) if len(sys.argv) > 3 else run_all(pattern)


if __name__ == "__main__":
    sys.exit(main())
