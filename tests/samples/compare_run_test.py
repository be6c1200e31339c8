"""samples/run compare: its options, and what it says about a tiny run of the programs that the tests were built with."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from run_script_test import SAMPLES, run

PROGRAMS = ["fan_out", "pipeline", "sum", "chat", "depth"]
MARKER = "<!-- figures -->"


class Options(unittest.TestCase):
    def test_a_bad_one_is_answered_with_the_usage_before_anything_is_built(self):
        for bad, reason in ((["--turns", "0"], "'0' is not a whole number from 1 to 100"),
                            (["--workers", "x"], "'x' is not a whole number from 1 to 1024"),
                            (["--scale", "0"], "'0' is not a number from 0.0001 to 100"),
                            (["--quick", "nosuch"], "no such program: nosuch; there are " + ", ".join(PROGRAMS)),
                            (["--nosuch"], "unrecognized arguments: --nosuch"),
                            (["--markdown", "README.md"], f"README.md exists and has no line {MARKER}: not over")):
            status, text, complaint = run("compare", *bad)
            self.assertEqual((status, text), (2, ""), bad)
            self.assertIn("usage: ./samples/run compare", complaint)
            self.assertIn(reason, complaint)

    def test_help_names_the_programs(self):
        status, text, complaint = run("compare", "--help")
        self.assertEqual((status, complaint), (0, ""))
        self.assertIn(", ".join(PROGRAMS), text)


class TinyRun(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def compare(self, *arguments, build=None):
        """What samples/run does once all is built."""
        command = [sys.executable, "-B", SAMPLES / "support/compare_colours.py", build or os.environ["RAMIE_BUILD"],
                   self.folder, *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout, done.stderr

    def test_a_quick_one_shows_both_colours_of_every_program_side_by_side(self):
        status, text, complaint = self.compare("--quick", "--scale", "0.002", "--turns", "1")
        self.assertEqual(status, 0, text + complaint)
        head, *lines = text.strip().split("\n\n")[0].splitlines()
        self.assertEqual(re.split("  +", head), ["program", "an item is", "colour", "lines", "co_ words", "compile",
                                                 "items/s", "CPU/item", "parked tasks", "bytes/task"])
        cells = [re.split("  +", line) for line in lines]
        self.assertEqual([cell[2] for cell in cells], ["fibers", "coroutines"] * (len(cells) // 2))
        self.assertEqual(list(dict.fromkeys(cell[0] for cell in cells)), PROGRAMS)
        for cell in cells:
            source = (SAMPLES / f"compare/{cell[0]}_{cell[2]}.cpp").read_text()
            self.assertEqual(int(cell[3]), len(re.findall(r"^[ \t]*[^/\s].*$", source, re.MULTILINE)))
            self.assertEqual(int(cell[4]) > 0, cell[2] == "coroutines", "only these are coloured")
            self.assertRegex(cell[6], "^[1-9][0-9,]*$")
        for rule in ("neither blank nor comment", "PSS + page tables", "user and system time"):
            self.assertIn(rule, text)

    def test_markdown_is_written_behind_what_the_file_has_already(self):
        file = self.folder / "page.md"
        for before in ("", "# Words\n\n"):
            file.write_text(f"{before}{MARKER}\n\nold figures\n")
            arguments = ["--quick", "--turns", "1", "--scale", "0.001", "sum", "--markdown", str(file)]
            status, text, complaint = self.compare(*arguments)
            self.assertEqual(status, 0, text + complaint)
            page = file.read_text()
            self.assertTrue(page.startswith(f"{before}{MARKER}\n\nWritten by `./samples/run compare --quick "), page)
            self.assertNotIn("old figures", page)
            self.assertEqual([line.split(" | ")[2] for line in page.splitlines() if line.startswith("| sum")],
                             ["fibers", "coroutines"])

    def test_without_quick_the_compile_times_are_taken(self):
        status, text, complaint = self.compare("--turns", "1", "--scale", "0.001", "sum")
        self.assertEqual(status, 0, text + complaint)
        self.assertEqual(len(re.findall(r"  [0-9]+\.[0-9] s  ", text)), 2, text)

    def test_what_is_not_built_is_said_and_is_a_failure(self):
        status, text, _ = self.compare("--quick", "sum", "chat", build=self.folder)
        self.assertEqual(status, 1)
        for line in ("sum, fibers, block: not built", "chat, coroutines, line delivered: not built"):
            self.assertIn(line, text)


class Table(unittest.TestCase):
    def test_the_pages_name_the_command(self):
        page = (SAMPLES.parent / "docs/fibers-vs-coroutines.md").read_text()
        self.assertIn("./samples/run compare", page)
        self.assertEqual(page.count(MARKER), 1)
