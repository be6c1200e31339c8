"""Runs the tests of what a user touches first: the samples as processes, sockets from outside, servers under faults,
compile errors, the installed library, bench/run.

usage: python_tests.py BUILD_DIRECTORY [PATTERN]   (called by tests/run; PATTERN picks tests by a part of their name)

Prints the failures in full and then one line, "N passed, N failed".
"""

import os
import signal
import sys
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


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


def main():
    signal.signal(signal.SIGTERM, out_of_time)
    build, pattern = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    os.environ["RAMIE_BUILD"] = os.path.abspath(build)
    suite = unittest.TestSuite(find(folder, pattern) for folder in ("house", "model", "samples", "io", "libraries", "faults", "compile_fail", "consumer", "bench"))
    with open(os.devnull, "w") as nowhere:
        result = unittest.TextTestRunner(nowhere, resultclass=Counts).run(suite)

    for reason in sorted({reason for _, reason in result.skipped}):
        print(f"{sum(reason == other for _, other in result.skipped)} skipped: {reason}")
    failures = result.failures + result.errors
    for test, report in failures:
        print(f"FAILED {test.id()}\n{report}")
    print(f"{result.passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
