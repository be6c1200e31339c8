"""docs/guide.md: every public type is in its table."""

import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TYPE = re.compile(r"(?:class|struct|enum class)(?: \[\[nodiscard\]\])? (\w+)(?:;| \{| :|$)")
# Nobody writes these: they are made by the functions that the table has, on_...(), oneshot(), watch() and broadcast().
MADE_BY_FUNCTIONS = re.compile(r"\w+_case|(oneshot|watch|broadcast)_(sender|receiver)")


def public_types(header):
    """Of namespace ramie itself, not of those within it."""
    inner = 0
    for line in header.splitlines():
        if line.startswith("namespace ") and line != "namespace ramie {" and not line.endswith("}"):
            inner += 1
        elif line.startswith("}  // namespace ") and line != "}  // namespace ramie":
            inner -= 1
        elif not inner and (found := TYPE.match(line)):
            yield found[1]


class Guide(unittest.TestCase):
    def test_names_every_public_type(self):
        with open(os.path.join(ROOT, "docs", "guide.md")) as file:
            named = {word for code in re.findall("`([^`]+)`", file.read()) for word in re.findall(r"\w+", code)}
        missing = []
        for floor in ("fibers", "runtime", "io"):
            folder = os.path.join(ROOT, floor, "include", "ramie")
            for name in sorted(os.listdir(folder)):
                if not name.endswith(".hpp"):
                    continue
                with open(os.path.join(folder, name)) as file:
                    missing += [f"{name}: {each}" for each in public_types(file.read())
                                if each not in named and not MADE_BY_FUNCTIONS.fullmatch(each)]
        self.assertEqual(missing, [])
