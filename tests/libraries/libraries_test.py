"""Client libraries and interpreters as they are, each in many fibers against a real server: all calls go well, on few OS
threads, and what waits waits together."""

import os
import re
import subprocess
import unittest

PROGRAMS = os.path.join(os.environ["RAMIE_BUILD"], "tests", "libraries")
LONGEST_RUN_SECONDS = 120
MOST_THREADS = 12
SKIPPED = 77


class Libraries(unittest.TestCase):
    def assert_goes_well(self, name, rounds):
        program = os.path.join(PROGRAMS, "library-" + name)
        if not os.path.exists(program):
            self.skipTest(f"tests/libraries: {name} is not built, its library is missing")
        done = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_RUN_SECONDS)
        if done.returncode == SKIPPED:
            self.skipTest(f"tests/libraries: {name}: {done.stdout.strip()}")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        lines = [re.fullmatch(r"(.*): (\d+) of (\d+), ([\d.]+) s of waiting in ([\d.]+) s, with (\d+) threads", line)
                 for line in done.stdout.splitlines()]
        self.assertEqual(len(lines), rounds, done.stdout)
        for line in lines:
            self.assertEqual(line[2], line[3], line[0])
            self.assertLessEqual(int(line[6]), MOST_THREADS, line[0])
            if int(line[2]) > 1 and "0.5 s" in line[1]:
                self.assertLess(float(line[5]), float(line[4]) / 4, line[0])

    def test_openldap_first_uses_meet_at_a_lock_of_its_own(self):
        self.assert_goes_well("openldap", 1)

    def test_mariadb_answers_slow_and_quick_queries(self):
        self.assert_goes_well("mariadb", 3)

    def test_memcached_keeps_values(self):
        self.assert_goes_well("memcached", 1)

    def test_libssh_runs_commands(self):
        self.assert_goes_well("ssh", 1)

    def test_curl_multi_polls_for_several_transfers_in_each_fiber(self):
        self.assert_goes_well("curl_multi", 1)

    def test_gnutls_shakes_hands_and_echoes(self):
        self.assert_goes_well("gnutls", 1)

    def test_python_threads_of_its_own_share_the_interpreter(self):
        self.assert_goes_well("python", 1)

    def test_perl_waits_alone(self):
        self.assert_goes_well("perl", 1)
