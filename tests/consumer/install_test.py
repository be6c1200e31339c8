"""The library as it is installed: its headers by themselves, and a program built with it through pkg-config."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
OUTPUT = "the echo of 5 bytes is hello\nthe deadline has passed\n"


def run(command, **options):
    """What it prints; a failure shows the command and all it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    if done.returncode != 0:
        command = " ".join(map(str, command))
        raise AssertionError(f"status {done.returncode} from: {command}\n{done.stdout}{done.stderr}")
    return done.stdout


class InstalledLibrary(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.place = pathlib.Path(place.name)
        run(["meson", "install", "-C", os.environ["RAMIE_BUILD"], "--no-rebuild", "--quiet", "--destdir", cls.place])
        cls.description = next(cls.place.rglob("ramie.pc"))
        prefix = re.search("^prefix=/(.*)$", cls.description.read_text(), re.MULTILINE)[1]
        cls.prefix = cls.place / prefix
        cls.headers = cls.prefix / "include" / "ramie"

    def pkg_config(self, *options):
        return run(["pkg-config", f"--define-variable=prefix={self.prefix}", *options, "ramie"],
                   env={**os.environ, "PKG_CONFIG_PATH": str(self.description.parent)}).split()

    def compile(self, text, *options):
        """Hands the text to the compiler as a source, with warnings being errors."""
        return run(["g++", *STRICT, *self.pkg_config("--cflags"), *options, "-x", "c++", "-"], input=text)

    def build(self, link_flags):
        """The consumer and a second source, so that the headers are seen twice in one program."""
        other, program = self.place / "other.cpp", self.place / "consumer"
        other.write_text("#include <ramie/ramie.hpp>\n")
        run(["g++", *STRICT, *self.pkg_config("--cflags"), HERE / "consumer.cpp", other, "-o", program, *link_flags])
        return program

    def libraries_of(self, program):
        return re.findall(r"NEEDED.*\[(lib\w+)", run(["readelf", "--dynamic", program]))

    def test_the_consumer_runs_with_the_shared_library(self):
        program = self.build(self.pkg_config("--libs"))
        self.assertIn("libramie", self.libraries_of(program))
        self.assertEqual(run([program], env={"LD_LIBRARY_PATH": str(self.description.parent.parent)}), OUTPUT)

    def test_the_consumer_runs_with_the_static_library(self):
        flags = self.pkg_config("--static", "--libs")
        program = self.build(["-l:libramie.a" if flag == "-lramie" else flag for flag in flags])
        self.assertNotIn("libramie", self.libraries_of(program))
        self.assertEqual(run([program]), OUTPUT)

    def test_a_large_local_in_code_built_by_its_flags_does_not_jump_over_a_guard(self):
        """Of 8 MiB the lowest byte is touched, with nothing there that would notice."""
        source, program = self.place / "large_local.cpp", self.place / "large_local"
        source.write_text("#include <ramie/runtime.hpp>\n"
                          "[[gnu::noinline]] int large() {\n"
                          "    char volatile local[8 << 20];\n"
                          "    local[0] = 1;\n"
                          "    return local[0];\n"
                          "}\n"
                          "int main() { return ramie::run([] { return ramie::spawn({.name = \"large\"}, large).get(); }) - 1; }\n")
        flags = [*self.pkg_config("--cflags"), "-O1", source, "-o", program, *self.pkg_config("--libs")]
        environment = {"LD_LIBRARY_PATH": str(self.description.parent.parent), "RAMIE_WIDE_STACKS": "0"}
        run(["g++", *flags])
        done = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, -signal.SIGSEGV)
        self.assertIn('ramie: stack overflow in task', done.stderr)
        self.assertIn('"large"', done.stderr)
        self.assertNotIn("below the stack", done.stderr)  # found out in the guard

    def test_a_program_is_linked_with_the_hook_although_it_names_nothing_of_it(self):
        flags = run(["pkg-config", f"--define-variable=prefix={self.prefix}", "--libs", "ramie-hook"],
                    env={**os.environ, "PKG_CONFIG_PATH": str(self.description.parent)}).split()
        source, program = self.place / "threads.cpp", self.place / "threads"
        source.write_text("#include <ramie/run_as_threads.hpp>\n"
                          "int main() { return ramie::run_as_threads([] { return 42; }) - 42; }\n")
        run(["g++", *STRICT, *self.pkg_config("--cflags"), source, "-o", program, *flags])
        self.assertIn("libramie", " ".join(self.libraries_of(program)))
        run([program], env={"LD_LIBRARY_PATH": str(self.description.parent.parent)})

    def test_a_dump_leaves_out_the_library_s_own_frames_when_it_is_stripped(self):
        source, program = self.place / "dumps.cpp", self.place / "dumps"
        source.write_text("#include <ramie/ramie.hpp>\n"
                          "#include <iostream>\n"
                          "void sleeper() { ramie::this_fiber::sleep_for(std::chrono::hours(1)); }\n"
                          "int main() {\n"
                          "    ramie::run([] {\n"
                          "        auto waits = ramie::spawn({.name = \"sleeper\"}, sleeper);\n"
                          "        ramie::this_fiber::yield();\n"
                          "        ramie::dump(std::cout);\n"
                          "    });\n"
                          "}\n")
        run(["g++", *self.pkg_config("--cflags"), "-O1", "-fno-inline", "-rdynamic", source, "-o", program, *self.pkg_config("--libs")])
        stripped = self.place / "stripped"
        stripped.mkdir()
        run(["strip", "-o", stripped / "libramie.so.0", self.description.parent.parent / "libramie.so.0"])
        said = run([program], env={"LD_LIBRARY_PATH": str(stripped)})
        frames = re.search(r'"sleeper".*?((?:\n +#.*)+)', said, re.DOTALL)[1].strip().splitlines()
        self.assertIn("ramie::this_fiber::sleep_for", frames[0], said)
        self.assertIn("sleeper()", "".join(frames), said)

    def test_the_description_names_no_files_of_the_machine_that_built_it(self):
        self.assertNotRegex(self.description.read_text(), r"/\S+\.(so|a)\b")

    def test_every_public_header_compiles_alone(self):
        def compile_alone(header):
            try:
                return self.compile(f"#include <ramie/{header.name}>\n", "-fsyntax-only", "-fmax-errors=1")
            except AssertionError as failure:
                return str(failure)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            complaints = list(pool.map(compile_alone, sorted(self.headers.glob("*.hpp"))))
        self.assertGreater(len(complaints), 10, "headers were found")
        self.assertEqual([text for text in complaints if text], [])

    def test_the_header_for_everything_includes_every_public_one(self):
        included = self.compile("#include <ramie/ramie.hpp>\n", "-M").split()
        self.assertEqual([header.name for header in self.headers.glob("*.hpp") if str(header) not in included], [])
