"""The page of the order of service names tests that are there, and the numbers of the class."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKER = ROOT / "runtime" / "src" / "worker"
PAGE = (WORKER / "order.md").read_text()
RULE = (WORKER / "service_order.hpp").read_text()


class OrderTest(unittest.TestCase):
    def test_every_test_that_is_named_is_there(self):
        files = (ROOT / "tests" / "runtime" / "worker").glob("*_test.cpp")
        cases = set(re.findall(r'TEST_CASE\("([^"]+)"', "".join(f.read_text() for f in files)))
        named = [re.sub(r"\s+", " ", name) for name in re.findall(r'"((?:service_order|fairness): [^"]+)"', PAGE)]
        self.assertGreater(len(named), 5)
        for name in named:
            self.assertIn(name, cases)

    def test_the_numbers_are_those_of_the_rule(self):
        written = dict(re.findall(r"`(\w+)` is (\d+)", PAGE.replace("\n", " ")))
        ruled = dict(re.findall(r"static constexpr \w+ (\w+) = (\d+);", RULE))
        self.assertEqual(written, ruled)

    def test_every_source_of_the_rule_has_its_row(self):
        sources = re.search(r"enum class source : std::uint8_t { nothing, ([^}]+) };", RULE)[1].split(", ")
        rows = re.findall(r"^\| (\w+)", PAGE, re.MULTILINE)
        for source in sources:
            self.assertIn(source, rows)


if __name__ == "__main__":
    unittest.main()
