"""What the public headers declare, for tests that hold documents against it."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOORS = ("fibers", "runtime", "io")


def public_headers():
    for floor in FLOORS:
        yield from sorted((ROOT / floor / "include" / "ramie").glob("*.hpp"))


def without_comments_and_texts(source):
    source = re.sub(r"\bRAMIE_API ", "", source)  # what is exported is no part of what is declared
    source = re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', '""', source)
    source = re.sub(r"//[^\n]*", "", source)
    source = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), source, flags=re.DOTALL)
    # Directives, with the lines they go on in.
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda found: "\n" * found[0].count("\n"), source, flags=re.MULTILINE)


def without_template_heads(declaration):
    """Also without the requires clauses behind them."""
    while (start := declaration.find("template <")) >= 0:
        depth = 0
        for at in range(start + len("template "), len(declaration)):
            depth += {"<": 1, ">": -1}.get(declaration[at], 0)
            if depth == 0:
                break
        declaration = declaration[:start] + declaration[at + 1:]
    return re.sub(r"\brequires\s*(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|!?[\w:]+(?:<[^<>]*>)?(?:\s*&&\s*!?[\w:]+(?:<[^<>]*>)?)*)", "",
                  declaration).strip()


def declarations(source):
    """(line, scopes, text) of each declaration. A scope is the name of a namespace, "public" or "private" for a class's
    section, or "body"."""
    # What spawns is declared by a macro, without a semicolon.
    text = re.sub(r"RAMIE_(?:NODISCARD_)?SPAWN_FORMS\((\w+)[^\n]*\)", r"auto \1(all);", without_comments_and_texts(source))
    text = re.sub(r"RAMIE_SPAWN_CONSTRUCTORS\([^\n]*\)", "", text)
    scopes, begin, hidden = [], 0, set()  # hidden: classes that are only declared in a private section
    for at, char in enumerate(text):
        if char in "{;}":
            raw = text[begin:at]
            declared = raw.strip()
            line = text.count("\n", 0, begin + len(raw) - len(raw.lstrip())) + 1
            if char != "}" and declared and not declared.startswith("namespace"):
                yield line, tuple(scopes), declared
            if scopes and scopes[-1] == "private" and char == ";" and (found := re.fullmatch(r"(?:class|struct) (\w+)", declared)):
                hidden.add(found[1])
            begin = at + 1
            head = without_template_heads(declared)
            if char == "{" and declared.startswith("namespace"):
                scopes.append(declared.removeprefix("namespace").strip())
            elif char == "{" and (found := re.match(r"(class|struct|union|enum class)\b", head)):
                outer_and_own = re.match(r"(?:class|struct)(?: \[\[nodiscard\]\])? (\w+)::(\w+)", head)
                if outer_and_own and outer_and_own[2] in hidden:
                    scopes.append("body")
                else:
                    scopes.append({"class": "private", "enum class": "body"}.get(found[1], "public"))
            elif char == "{":
                scopes.append("body")
            elif char == "}":
                scopes.pop()
        elif char == ":" and (label := re.fullmatch(r"\s*(public|private|protected)\s*", text[begin:at])) and scopes[-1:] not in (["body"], []):
            scopes[-1] = "public" if label[1] == "public" else "private"
            begin = at + 1


def is_public(scopes):
    return bool(scopes) and all(scope == "public" or scope and scope != "detail" and scope not in ("body", "private")
                                for scope in scopes)
