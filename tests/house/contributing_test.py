"""CONTRIBUTING.md shows a whole primitive. What it shows is what is compiled and tested, and it is short."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHOWN = ROOT / "tests" / "fibers" / "wait" / "countdown_event.hpp"
PAGE = (ROOT / "CONTRIBUTING.md").read_text()


class ContributingTest(unittest.TestCase):
    def test_the_primitive_on_the_page_is_the_one_that_is_tested(self):
        blocks = re.findall(r"^```cpp\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        self.assertEqual(blocks, [SHOWN.read_text()])

    def test_it_takes_at_most_60_lines(self):
        self.assertLessEqual(len(SHOWN.read_text().splitlines()), 60)

    def test_the_page_names_files_that_are_there(self):
        named = set(re.findall(r"\]\(([\w./-]+)\)", PAGE)) | set(re.findall(r"`((?:tests|docs|bench|fibers)/[\w./]+)`", PAGE))
        self.assertGreater(len(named), 5)
        for name in named:
            self.assertTrue((ROOT / name).exists(), f"CONTRIBUTING.md names {name}")

    def test_it_is_one_page(self):
        outside = re.sub(r"^```cpp\n.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
        self.assertLess(len(outside.splitlines()), 70)


if __name__ == "__main__":
    unittest.main()
