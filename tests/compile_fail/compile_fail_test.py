"""Mistakes a user will make, each a source that must not compile: the one complaint is Ramie's reason.

Its first line says how that begins ("// error: ..."). The source without such a line is correct, and compiles.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
CLANG = next(filter(None, map(shutil.which, ("clang++-19", "clang++"))), None)


def build_command():
    """The build's compiler and flags for a source that sees the public headers."""
    commands = json.loads((pathlib.Path(os.environ["RAMIE_BUILD"]) / "compile_commands.json").read_text())
    entry = next(c for c in commands if c["file"].endswith("/tcp_stream_test.cpp"))
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


class LockRules(unittest.TestCase):
    """Only clang checks them (fibers/include/ramie/detail/fence/lock_rules.hpp)."""

    @unittest.skipUnless(CLANG, "there is no clang")
    def test_each_breach_is_an_error_and_correct_use_is_none(self):
        include = HERE.parent.parent / "fibers" / "include"
        command = [CLANG, "-std=c++23", "-fsyntax-only", "-Wthread-safety", "-Werror=thread-safety", "-fno-color-diagnostics", "-I", include]
        sources = sorted((HERE / "lock_rules").glob("*.cpp"))
        self.assertGreater(len(sources), 3)
        for source in sources:
            with self.subTest(source.stem):
                done = subprocess.run([*command, source], capture_output=True, text=True, timeout=300)
                wanted, errors = expected_error(source), re.findall(r"error: (.*)", done.stderr)
                self.assertEqual(len(errors), 1 if wanted else 0, errors)
                self.assertTrue(not wanted or errors[0].startswith(wanted), errors)


class OlderLanguage(unittest.TestCase):
    maxDiff = None

    def test_every_public_header_says_in_one_line_which_standard_it_needs(self):
        directory, command = build_command()
        command = re.sub(r" -std=\S+| -include \S+", "", " ".join(command)).split()  # the precompiled header is C++23's

        def complaints(case):
            header, standard = case
            done = subprocess.run([*command, f"-std={standard}", "-x", "c++", "-"], cwd=directory, input=f"#include <ramie/{header}>\n",
                                  capture_output=True, text=True, timeout=300)
            return header, standard, re.findall(r"error: (.*)", done.stderr)

        root = HERE.parent.parent
        headers = sorted({path.name for floor in ("fibers", "runtime", "io") for path in (root / floor / "include/ramie").glob("*.hpp")})
        self.assertGreater(len(headers), 50, "headers were found")
        cases = [(header, "c++20") for header in headers] + [("ramie.hpp", "c++17"), ("ramie.hpp", "c++14")]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for header, standard, errors in pool.map(complaints, cases):
                with self.subTest(header, standard=standard):
                    self.assertEqual(errors, ["#error Ramie needs C++23: compile with -std=c++23",
                                              "compile_with_-std=c++23: No such file or directory"])


class BuiltWithoutTls(unittest.TestCase):
    def compile(self, text):
        """As a library built without OpenSSL would: its with_tls.hpp comes first."""
        directory, command = build_command()
        with tempfile.TemporaryDirectory() as place:
            header = pathlib.Path(place) / "ramie" / "detail" / "tls" / "with_tls.hpp"
            header.parent.mkdir(parents=True)
            header.write_text("#define RAMIE_WITH_TLS 0\n")
            compiler = 2 if "ccache" in command[0] else 1
            command[compiler:compiler] = [f"-I{place}"]
            done = subprocess.run([*command, "-x", "c++", "-"], cwd=directory, input=text, capture_output=True, text=True,
                                  timeout=300)
        return re.findall(r"error: (.*)", done.stderr)

    def test_the_header_for_everything_compiles(self):
        self.assertEqual(self.compile("#include <ramie/ramie.hpp>\nstatic_assert(RAMIE_WITH_TLS == 0);\n"), [])

    def test_using_tls_says_that_the_library_was_built_without_it(self):
        for name in ("tls_stream", "tls_listener", "tls_client_config", "tls_server_config"):
            errors = self.compile(f"#include <ramie/tls.hpp>\nvoid f(ramie::{name}&);\n")
            self.assertEqual(len(errors), 1, errors)
            self.assertIn("this Ramie was built without TLS: OpenSSL 3 was not found", errors[0])
