"""docs/guide.md: every public name is in its table, with its header; every option and environment variable is told of."""

import os
import re
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "house"))
from public_names import declarations, is_public, public_headers, without_template_heads  # noqa: E402

# std::error_code calls them.
CALLED_BY_STD = {"make_error_code", "make_error_condition"}
# Of one another's shape, and told of as a whole.
FAMILIES = {"posix": "posix::"}


def name_of(declared):
    """Of a class, function, alias or constant; None: it has none of its own (a guide, a specialisation, an operator)."""
    declared = without_template_heads(declared)
    if found := re.match(r"using (?:[\w:]+::)?(\w+)", declared):
        return found[1]
    if found := re.match(r"(?:class|struct|enum class|enum)(?: \[\[nodiscard\]\])? ([\w:]+)(?:\s*(?::|final|$))", declared):
        return found[1] if "::" not in found[1] and "<" not in declared.split(":")[0] else None
    declared = declared.split("->")[0] if re.match(r"\w+\(", declared) else declared
    if declared.startswith(("friend", "static_assert", "extern", ")", ",")) or "operator" in declared:
        return None
    if found := re.search(r"(?:^|[\s&*>])([\w:]+)\s*\(", re.sub(r"\[\[\w+\]\]|noexcept\(.*?\)|decltype\(.*?\)", "", declared)):
        name = found[1]
        before = declared[:declared.find(name)].strip()
        return None if "::" in name or not before else name
    if found := re.search(r"\b(\w+)(?:\[\])?\s*(?:=.*)?$", declared, re.DOTALL):
        return found[1] if " " in declared else None
    return None


def names():
    """(name, namespace in ramie, header) of all that users may write."""
    for header in public_headers():
        if header.name == "ramie.hpp":
            continue
        for _, scopes, declared in declarations(header.read_text()):
            if not is_public(scopes) or scopes[0] != "ramie" or "public" in scopes:
                continue
            within = "::".join(scopes[1:])
            if "RAMIE_TLS_IS_MISSING" in declared:
                continue  # what stands for a name of another header in a build without it
            if (name := name_of(declared)) and name not in CALLED_BY_STD:
                yield name, within, header.name


def guide():
    with open(os.path.join(ROOT, "docs", "guide.md")) as file:
        return file.read()


class Guide(unittest.TestCase):
    maxDiff = None

    def test_declarations_are_found(self):
        found = {(name, within) for name, within, _ in names()}
        for each in [("spawn", ""), ("join_handle", ""), ("sleep_for", "this_fiber"), ("on_receive", ""), ("otherwise", ""),
                     ("lock_guard", ""), ("binary_semaphore", ""), ("run", ""), ("read_file", ""), ("spawn_local", "")]:
            self.assertIn(each, found)

    def test_names_every_public_name_with_its_header(self):
        rows = [(set(re.findall(r"[\w.]+", " ".join(re.findall("`([^`]+)`", row)))), row) for row in guide().splitlines()]
        missing = set()
        for name, within, header in names():
            if within in FAMILIES:
                continue
            homes = {header, header.removesuffix(".hpp")}
            if not any(name in words and (name + ".hpp" == header or homes & words) for words, _ in rows):
                missing.add(f"{header}: {within + '::' if within else ''}{name}")
        self.assertEqual(sorted(missing), [])

    def test_names_no_header_that_is_not_there(self):
        headers = {each.name for each in public_headers()}
        self.assertEqual(sorted(set(re.findall(r"`(\w+\.hpp)`", guide())) - headers), [])

    def test_tells_of_every_option(self):
        named = set(re.findall(r"\w+", " ".join(re.findall("`([^`]+)`", guide()))))
        for header, options in (("runtime_options.hpp", "runtime_options"), ("task_options.hpp", "task_options")):
            path = next(each for each in public_headers() if each.name == header)
            members = {name_of(declared.split(" =")[0]) for _, scopes, declared in declarations(path.read_text())
                       if scopes == ("ramie", "public")} - {None}
            self.assertGreater(len(members), 3)
            self.assertEqual(sorted(members - named), [], options)

    def test_tells_of_every_environment_variable(self):
        read = set()
        for floor in ("fibers", "runtime", "io"):
            for folder, _, files in os.walk(os.path.join(ROOT, floor)):
                for name in files:
                    with open(os.path.join(folder, name)) as file:
                        read |= set(re.findall(r'"(RAMIE_[A-Z_]+)"', file.read()))
        self.assertGreater(len(read), 8)
        self.assertEqual(sorted(read - set(re.findall(r"\bRAMIE_[A-Z_]+", guide()))), [])


if __name__ == "__main__":
    unittest.main()
