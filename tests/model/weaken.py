#!/usr/bin/env python3
"""The checker checked: each memory order of the shipped sources that a model meets is made weaker, one at a time, and a model
must fail. Usage: weaken.py build/tests/tests/model-tests [part of a place ...]
Prints a line for each: killed, or not. docs/testing.md says why an order that is not killed is kept."""
import os
import re
import subprocess
import sys
import tempfile


def run(program, *arguments, **variables):
    return subprocess.run([program, "--no-intro=true", *arguments], env={**os.environ, **variables}, text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1200)


def main():
    program, wanted = sys.argv[1], sys.argv[2:]
    with tempfile.NamedTemporaryFile("r") as listed:
        all_right = run(program, RAMIE_MODEL_LIST=listed.name)
        if all_right.returncode != 0:
            sys.exit("a model fails as it is:\n" + all_right.stdout[-3000:])
        # Those of the models themselves are no protocol's.
        places = [line.strip() for line in listed if "_test.cpp" not in line and "passed_tasks" not in line]
    places = [p for p in places if not wanted or any(w in p for w in wanted)]
    killed = 0
    for place in sorted(places):
        # The file's own models first.
        own = "model: " + {"bias": "word_lock"}.get(stem := place.split(".")[0], stem) + "*"
        for which in (f"--test-case={own}", f"--test-case-exclude={own}"):
            outcome = run(program, "--abort-after=1", which, RAMIE_MODEL_WEAKEN=place)
            if dead := outcome.returncode != 0:
                break
        failed = re.findall(r"^TEST CASE:\s+(.*)", outcome.stdout, re.M)
        killed += dead
        print(f"{'killed' if dead else 'NOT KILLED'}  {place}  {failed[-1] if dead and failed else ''}", flush=True)
    print(f"{killed} of {len(places)} killed")


main()
