"""Public signatures name only public types: what the library needs of its own classes it reaches by detail::access.

Read are the public headers' declarations, without bodies, default arguments of what is private, and template heads, where a
concept of namespace detail says what may be given.
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from public_names import declarations, is_public, public_headers, without_template_heads  # noqa: E402

# Of namespace detail, but only another way to write a type of the user's.
ALIASES = {"slot_of", "value_of", "spawned", "call_signature"}


def without_bodies(declaration):
    """A constructor's initialisers count as its body."""
    return re.split(r"\)\s*(?:const\s*)?(?:noexcept(?:\([^)]*\))?\s*)?:(?!:)", declaration)[0]


def public_declarations(source):
    """(line, text) of what users may name: at namespace level, or in a public section."""
    for line, scopes, declared in declarations(source):
        # ) and , go on after a lambda.
        if is_public(scopes) and not declared.startswith(("friend", "using", ")", ",")):
            yield line, declared


def own_types_of_others(declaration):
    declared = without_template_heads(declaration).strip()
    if re.match(r"(?:class|struct)\b", declared):
        return []  # a class may be made of the library's parts: its bases
    declared = without_bodies(declared)
    return [name for name in re.findall(r"\bdetail::(\w+)", declared) if name not in ALIASES]


class PublicSignatures(unittest.TestCase):
    maxDiff = None

    def test_declarations_are_told_apart(self):
        source = """
            namespace ramie {
            class one {
              public:
                explicit one(detail::core* c) : core_(detail::of(c)) {}
                int body() { return detail::f(); }
                template <detail::concept_of T> void f(T const&);
              private:
                class inner;
                detail::core* core_;
            };
            class one::inner { public: detail::core* of; };
            template <class T>
            class [[nodiscard]] more : public detail::base<T> { public: more(detail::core* c); };
            struct two { detail::figures all; };
            detail::thing f(int);
            }
        """
        found = [name for _, text in public_declarations(source) for name in own_types_of_others(text)]
        self.assertEqual(found, ["core", "core", "figures", "thing"])

    def test_they_name_only_public_types(self):
        wrong, headers = [], 0
        for header in public_headers():
            headers += 1
            wrong += [f"{header.name}:{line}: detail::{name}" for line, text in public_declarations(header.read_text())
                      for name in own_types_of_others(text)]
        self.assertGreater(headers, 60)
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
