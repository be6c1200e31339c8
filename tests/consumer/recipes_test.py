"""docs/recipes.md: its code compiles as it stands there, and does what it says."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HEAD = "".join(f"#include <{name}>\n" for name in (
    "ramie/ramie.hpp", "algorithm", "chrono", "expected", "map", "memory", "mutex", "optional", "random", "string", "utility",
    "vector")) + "using namespace std::chrono_literals;\n"


def recipes():
    """(title, code) of each."""
    for part in (ROOT / "docs" / "recipes.md").read_text().split("\n## ")[1:]:
        title, _, rest = part.partition("\n")
        yield title, "\n".join(re.findall(r"```cpp\n(.*?)```", rest, re.DOTALL))


class Recipes(unittest.TestCase):
    def test_each_has_code_and_is_checked(self):
        checks = (HERE / "recipes.cpp").read_text()
        for title, code in recipes():
            with self.subTest(title=title):
                self.assertTrue(code)
                self.assertIn(f'"{title}"', checks)

    def test_all_hold(self):
        with tempfile.TemporaryDirectory() as place:
            place = pathlib.Path(place)
            (place / "recipes.hpp").write_text(HEAD + "\n".join(code for _, code in recipes()))
            build = pathlib.Path(os.environ["RAMIE_BUILD"])
            floors = [f"-I{ROOT / floor / 'include'}" for floor in ("fibers", "runtime", "io")]
            compile_it = ["g++", "-std=c++23", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror",
                          *floors, f"-I{build / 'io' / 'include'}", f"-I{place}", HERE / "recipes.cpp", "-o", place / "recipes",
                          f"-L{build}", "-lramie", f"-Wl,-rpath,{build}", "-pthread"]
            for command in (compile_it, [place / "recipes"]):
                done = subprocess.run(command, capture_output=True, text=True, timeout=300)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(done.stdout, "all recipes hold\n")


if __name__ == "__main__":
    unittest.main()
