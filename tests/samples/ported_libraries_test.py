"""The samples that run unmodified libraries on fibers, in small: real servers, few OS threads, waits that overlap."""

import os
import re
import unittest

from program import SAMPLES, output_of

MOST_THREADS = 12


def is_built(name):
    return os.path.exists(os.path.join(SAMPLES, "ports", name))


class Jobs(unittest.TestCase):
    def assert_overlapping(self, name, expected):
        """Each line is one fan-out: all went well, on few threads, in much less time than their waits take together."""
        if not is_built(name):
            self.skipTest(f"{name} is not built: its library is missing")
        before = set(os.listdir("/tmp"))
        status, text, complaint = output_of(name, "50")
        self.assertEqual((status, complaint), (0, ""), text)
        lines = [re.fullmatch(r"(.*): (\d+) of (\d+), ([\d.]+) s of waiting in ([\d.]+) s, with (\d+) threads", line)
                 for line in text.splitlines()]
        self.assertEqual([line and line[1] for line in lines], expected)
        for line in lines:
            self.assertEqual((line[2], line[3]), ("50", "50"), line[0])
            self.assertLessEqual(int(line[6]), MOST_THREADS, line[0])
            if "0.5" in line[1]:
                self.assertGreaterEqual(float(line[4]), 50 * 0.45, line[0])
                self.assertLess(float(line[5]), float(line[4]) / 4, line[0])
        left = {each for each in set(os.listdir("/tmp")) - before if each.startswith("ramie-sample-")}
        self.assertEqual(left, set())

    def test_libpq_asks_postgresql(self):
        self.assert_overlapping("libpq_jobs", ["connections", "select pg_sleep(0.5)", "select sum(n)"])

    def test_hiredis_waits_for_redis(self):
        self.assert_overlapping(
            "hiredis_jobs", ["connections", "BLPOP until its timeout of 0.5 s", "BLPOP until LPUSH after 0.5 s"])

    def test_libcurl_fetches_from_nginx(self):
        self.assert_overlapping("curl_jobs", ["pages that take 0.5 s"])

    def test_bad_arguments_are_answered_with_the_usage(self):
        for name in ("libpq_jobs", "hiredis_jobs", "curl_jobs", "cpp_httplib"):
            if not is_built(name):
                continue
            for bad in ([""], ["x"], ["-1"], ["0"], ["1", "2", "3", "4", "5"]):
                status, _, complaint = output_of(name, *bad)
                self.assertEqual((status, complaint[:6]), (2, "usage:"), (name, bad))


@unittest.skipUnless(is_built("cpp_httplib"), "cpp_httplib is not built: its library is missing")
class CppHttplib(unittest.TestCase):
    def test_fibers_answer_every_connection_and_its_own_pool_only_as_many_as_it_has_threads(self):
        status, text, complaint = output_of("cpp_httplib", "300", "2")
        self.assertEqual((status, complaint), (0, ""), text)
        rows = {}
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == 8:
                rows[cells[0]] = cells
        self.assertEqual(rows["fibers"][1], "300", text)
        self.assertEqual(rows["fibers"][3], "0", text)
        self.assertLessEqual(int(rows["fibers"][6]), MOST_THREADS, text)
        self.assertEqual(rows["pool of 8"][1], "8", text)
        self.assertGreaterEqual(int(rows["pool of 300"][6]), 300, text)
