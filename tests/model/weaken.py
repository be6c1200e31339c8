#!/usr/bin/env python3
"""The checker checked: the shipped sources are made wrong, one place at a time, and a model must fail.

    weaken.py orders PROGRAM [part of a place ...]     each memory order that a model meets is made weaker, each fence dropped:
                                                       by the checker, while model-tests (PROGRAM) runs. The models that meet the
                                                       place take turns, the quickest first, up to the first that fails
                                                       With LIMIT=seconds, models of other files that take longer are left out
    weaken.py breaks DIRECTORY [part of a break ...]   each re-check, and other steps that an argument rests on, are deleted or
                                                       changed (breaks.py): in a copy of the sources, built in DIRECTORY

Prints a line for each: killed, and by what, or not. docs/testing.md says why an order that is not killed is kept."""
import os
import re
import shutil
import subprocess
import sys

import breaks

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SECONDS = re.compile(r"([0-9.]+) s: (.*)")  # doctest's --duration
MOST_SECONDS = 300  # a broken source may make a model run without end: then it is killed, too


def run(program, *arguments, **variables):
    """None: it does not end."""
    try:
        return subprocess.run([program, "--no-intro=true", *arguments], env={**os.environ, **variables}, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def named(test_cases):
    """--test-case=... for these names; a comma would end one."""
    return "--test-case=" + ",".join(re.sub(r"[,\[\]]", "?", each) for each in test_cases)


def killer(outcome):
    """The test case that failed, or null."""
    if outcome is None:
        return "it runs without end"
    if outcome.returncode == 0:
        return None
    failed = re.findall(r"^TEST CASE:\s+(.*)", outcome.stdout, re.M)
    return failed[-1] if failed else f"ended with {outcome.returncode}"


def tell(killed, what):
    print(f"killed      {what}\n            by {killed}" if killed else f"NOT KILLED  {what}", flush=True)
    return killed is not None


def by_turns(program, place, test_cases, seconds):
    """The model of the place's own file and the quickest are first: most places are killed in less than a second."""
    own = "model: " + place.split(".")[0]
    limit = float(os.environ.get("LIMIT", "inf"))
    test_cases = [t for t in test_cases if t.startswith(own) or seconds.get(t, 0) < limit]
    for each in sorted(test_cases, key=lambda t: seconds.get(t, 0) / (10 if t.startswith(own) else 1)):
        by = killer(run(program, "--abort-after=1", named([each]), RAMIE_MODEL_WEAKEN=place))
        if by is not None:
            return by
    return None


def all_places(program):
    """Each place with the test cases that meet it, and how long each test case took. Kept beside PROGRAM until that is built again."""
    kept = program + ".places"
    if not os.path.exists(kept) or os.path.getmtime(kept) < os.path.getmtime(program):
        all_right = run(program, "--duration=true", RAMIE_MODEL_LIST=kept + ".new")
        if all_right is None or all_right.returncode != 0:
            sys.exit("a model fails as it is:\n" + (all_right.stdout[-3000:] if all_right else "it runs without end"))
        with open(kept + ".new", "a") as f:
            f.writelines(f"{line}\n" for line in all_right.stdout.splitlines() if SECONDS.match(line))
        os.replace(kept + ".new", kept)
    with open(kept) as f:
        lines = f.read().splitlines()
    seconds = {found[2]: float(found[1]) for found in map(SECONDS.match, lines) if found}
    return [line.split("\t") for line in lines if not SECONDS.match(line)], seconds


def orders(program, wanted):
    places, seconds = all_places(program)
    # Those of the models themselves, and of the checker, are no protocol's.
    places = [p for p in places if not re.search(r"_test\.cpp|passed_tasks|^system\.cpp", p[0])]
    places = sorted(p for p in places if not wanted or any(w in p[0] for w in wanted))
    killed = 0
    for place, *met_by in places:
        killed += tell(by_turns(program, place, met_by, seconds), place)
    print(f"{killed} of {len(places)} killed")


def copy_sources(to):
    def left_out(folder, names):
        return [n for n in names if folder == ROOT and (n == "build" or n == ".git")]
    if not os.path.exists(to):
        shutil.copytree(ROOT, to, ignore=left_out)
        subprocess.run(["meson", "setup", "build", "-Dunity=on", "-Dunity_size=8", "-Dbench=false", "-Dwerror=false"], cwd=to, check=True,
                       stdout=subprocess.DEVNULL)


def broken(each, directory):
    """Builds with that break. Null: it does not compile."""
    path = os.path.join(directory, each.file)
    with open(path) as f:
        as_it_is = f.read()
    if as_it_is.count(each.old) != 1:
        sys.exit(f"{each.file}: not there once: {each.old}")
    try:
        with open(path, "w") as f:
            f.write(as_it_is.replace(each.old, each.new))
        built = subprocess.run(["ninja", "-C", "build", "tests/model/model-tests"], cwd=directory, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if built.returncode != 0:
            sys.exit(f"{each.file}: does not compile with {each.new!r}:\n{built.stdout[-2000:]}")
        return run(os.path.join(directory, "build/tests/model/model-tests"), "--abort-after=1", f"--test-case=model: {each.model}:*")
    finally:
        with open(path, "w") as f:
            f.write(as_it_is)


def break_all(directory, wanted):
    copy_sources(directory)
    chosen = [b for b in breaks.ALL if not wanted or any(w in f"{b.file} {b.what}" for w in wanted)]
    killed = 0
    for each in chosen:
        killed += tell(killer(broken(each, directory)), f"{os.path.basename(each.file)}: {each.what}")
    print(f"{killed} of {len(chosen)} killed")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("orders", "breaks"):
        sys.exit(__doc__)
    (orders if sys.argv[1] == "orders" else break_all)(os.path.abspath(sys.argv[2]), sys.argv[3:])
