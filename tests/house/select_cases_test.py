"""Every case of a select stands in the header of what is waited for: with that header and select.hpp it can be used."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from public_names import declarations, is_public, public_headers  # noqa: E402

# What is waited for is no object of a public class.
OF_NO_CLASS = {"on_sleep", "on_deadline"}
# What is waited for is std's; the token's own header has both.
OF_STD = {("on_cancelled", "cancellation_token.hpp")}


def cases():
    """(name, class that is waited for, header)"""
    for header in public_headers():
        for _, scopes, declared in declarations(header.read_text()):
            if is_public(scopes) and (found := re.search(r"\bauto (on_\w+)\((?:std::)?(\w+)", declared)):
                yield found[1], found[2], header


class SelectCases(unittest.TestCase):
    def test_each_stands_in_the_header_of_its_class(self):
        found = list(cases())
        self.assertGreater(len(found), 20)
        for name, waited_for, header in found:
            if name in OF_NO_CLASS:
                self.assertEqual(header.name, "select.hpp")
            elif (name, header.name) not in OF_STD or waited_for != "stop_token":
                self.assertRegex(header.read_text(), rf"(?m)^(?:class|struct)(?: \[\[nodiscard\]\])? {waited_for}\b[^;]*$",
                                 f"{name} of a {waited_for}")


if __name__ == "__main__":
    unittest.main()
