"""What the shared libraries export: what packaging/abi lists, all that users and inline code of the headers need, and nothing else."""

import difflib
import json
import os
import pathlib
import platform
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD = ROOT / "packaging" / "abi"
HOW = "If that is meant: RAMIE_RECORD_ABI=1 python3 tests/support/python_tests.py build/tests exports_what_is_recorded"
OF_OTHERS = re.compile(r"(?:(?:typeinfo|typeinfo name|vtable|VTT|guard variable) for |(?:non-)?virtual thunk to )?(?:std|boost|__gnu_cxx)::")


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=True).stdout


def names(*options):
    """(symbol, kind) of nm's lines; those of undefined symbols have no address."""
    for line in run("nm", *options).splitlines():
        words = line.split(maxsplit=2) if re.match("[0-9a-f]{16} ", line) else ["", *line.split(maxsplit=1)]
        if len(words) == 3:
            yield words[2], words[1]


def readable(symbols):
    symbols = sorted(symbols)
    return dict(zip(symbols, subprocess.run(["c++filt"], input="\n".join(symbols), capture_output=True, text=True, check=True).stdout.splitlines()))


def includes(source, seen):
    """All that a test's source includes, but through headers of the library."""
    for kind, name in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)', source.read_text(), re.MULTILINE):
        places = (source.parent, *(ROOT / "tests" / each for each in ("support", "", "io", "runtime", "fibers")))
        found = next((place / name for place in places if kind == '"' and (place / name).exists()), None)
        if found is None:
            yield kind + name
        elif found not in seen:
            seen.add(found)
            yield from includes(found, seen)


class Exports(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.build = pathlib.Path(os.environ["RAMIE_BUILD"])
        cls.libraries = {
            "libramie": cls.build / "libramie.so",
            "libramie-hook": cls.build / "io" / "hook" / "libramie-hook.so",
            "libramie-threads": cls.build / "io" / "threads" / "libramie-threads.so",
        }
        cls.exported = {name: dict(names("-D", "--defined-only", file)) for name, file in cls.libraries.items()}

    @unittest.skipUnless(platform.machine() == "x86_64", "the record is x86-64's")
    def test_each_library_exports_what_is_recorded(self):
        for name, symbols in self.exported.items():
            with self.subTest(name):
                file = RECORD / f"{name}.symbols"
                now = sorted(set(readable(symbols).values()))
                if "RAMIE_RECORD_ABI" in os.environ:
                    file.write_text("\n".join(now) + "\n")
                before = file.read_text().splitlines()
                changes = [line for line in difflib.unified_diff(before, now, lineterm="", n=0) if re.match(r"[-+](?![-+]{2})", line)]
                self.assertEqual(changes, [], f"{name} exports other names (+) than are recorded (-). {HOW}\n" + "\n".join(changes))

    def test_no_library_exports_what_is_made_of_templates_of_others(self):
        for name, symbols in self.exported.items():
            self.assertEqual([each for each in readable(symbols).values() if OF_OTHERS.match(each)], [], name)

    def test_all_that_is_used_of_the_api_is_exported(self):
        """Tests and samples are linked with the archive, where nothing is missing: so what their objects ask for is looked up here."""
        in_archive = {name for name, kind in names("-g", "--defined-only", self.build / "libramie.a") if kind in "TDBRV"}
        by_public, by_internal = [], []
        for entry in json.loads((self.build / "compile_commands.json").read_text()):
            there, source = pathlib.Path(entry["directory"]), pathlib.Path(entry["directory"], entry["file"]).resolve()
            if not re.match(r"(?:tests(?!/model/)|samples)/.*\.o$", entry["output"]) or not (there / entry["output"]).exists():
                continue
            # A piece of several sources is taken for one of internal ones.
            internal = not source.is_relative_to(ROOT / "tests") and not source.is_relative_to(ROOT / "samples") or any(
                each.startswith(('"', "<ramie/detail/")) for each in includes(source, set()))
            (by_internal if internal else by_public).append(there / entry["output"])
        self.assertGreater(len(by_public), 50)
        needed = readable({name for name, _ in names("-u", *by_public)} & in_archive)
        of_internal = readable({name for name, _ in names("-u", *by_internal)} & in_archive)
        needed |= {name: text for name, text in of_internal.items() if re.match(r"ramie::(?!detail::)", text)}
        self.assertGreater(len(needed), 300)
        missing = sorted(text for name, text in needed.items() if name not in self.exported["libramie"])
        self.assertEqual(missing, [], "these need RAMIE_API before their declaration")

    def test_all_of_the_c_headers_is_exported(self):
        header = "".join((ROOT / "io" / "include" / "ramie" / name).read_text() for name in ("ramie.h", "pthread_names.h"))
        functions = set(re.findall(r"^[\w* ]+?\b(ramie_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL), re.MULTILINE))
        self.assertGreater(len(functions), 40)
        self.assertEqual(sorted(functions - set(self.exported["libramie"])), [])

    def test_the_libraries_names_have_one_number_in_both_builds(self):
        number = re.search(r"^abi_number = '(\d+)'", (ROOT / "meson.build").read_text(), re.MULTILINE)[1]
        self.assertEqual(re.search(r"set\(abi_number (\d+)\)", (ROOT / "CMakeLists.txt").read_text())[1], number)
        for name, file in self.libraries.items():
            self.assertIn(f"[{name}.so.{number}]", run("readelf", "--dynamic", file))


if __name__ == "__main__":
    unittest.main()
