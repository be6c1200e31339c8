"""Mistakes a user will make, each a source that must not compile: the one complaint is Ramie's reason.

Its first line says how that begins ("// error: ..."). The source without such a line is correct, and compiles.
"""

import json
import os
import pathlib
import re
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent


def build_command():
    """The build's compiler and flags for a source that sees the public headers."""
    commands = json.loads((pathlib.Path(os.environ["RAMIE_BUILD"]) / "compile_commands.json").read_text())
    entry = next(c for c in commands if c["file"].endswith("io/tcp_stream_test.cpp"))
    words = re.sub(r" -M\w+( \S+\.[od])?\b| -o \S+| -c \S+", "", entry["command"]).split()
    return entry["directory"], [*words, "-fsyntax-only", "-fdiagnostics-color=never"]


def expected_error(source):
    """How the compiler's complaint must begin; empty for correct ones."""
    first = source.read_text().partition("\n")[0]
    return first.removeprefix("// error: ") if first.startswith("// error: ") else ""


class Mistakes(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        directory, command = build_command()

        def compile_one(source):
            done = subprocess.run([*command, source], cwd=directory, capture_output=True, text=True, timeout=300)
            return source, done.returncode, re.findall(r"error: (.*)", done.stderr)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            cls.compiled = list(pool.map(compile_one, sorted(HERE.glob("*.cpp"))))

    def test_the_control_compiles(self):
        correct = [(source.stem, *result) for source, *result in self.compiled if not expected_error(source)]
        self.assertEqual(correct, [("correct_use", 0, [])])

    def test_each_mistake_is_answered_with_its_reason_and_nothing_else(self):
        mistakes = [(source, errors) for source, _, errors in self.compiled if expected_error(source)]
        self.assertGreater(len(mistakes), 10, "sources were found")
        for source, errors in mistakes:
            with self.subTest(source.stem):
                self.assertEqual(len(errors), 1, errors)
                self.assertIn("static assertion failed: " + expected_error(source), errors[0])
