"""What the two colours cost before they run: lines to write, and seconds to compile."""

import json
import os
import re
import shlex
import subprocess
import time

SOURCES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "compare")
OWN_HEADERS = {"fibers": ["line_reader.hpp"], "coroutines": ["awaitable.hpp", "awaitable_server.hpp"]}


def code_of(file):
    """The lines that are neither blank nor a comment."""
    with open(os.path.join(SOURCES, file)) as source:
        stripped = (line.strip() for line in source)
        return [line for line in stripped if line and not line.startswith("//")]


def lines(file):
    return len(code_of(file))


def coloured_words(file):
    """How often co_await, co_return or co_yield is written."""
    return sum(len(re.findall(r"\bco_(?:await|return|yield)\b", line)) for line in code_of(file))


def compile_seconds(build, program):
    """As the build compiles that source, but without a cache and leaving the build's own files alone."""
    database = json.loads(subprocess.run(["ninja", "-C", build, "-t", "compdb"], capture_output=True, text=True,
                                         check=True).stdout)
    command = next(entry["command"] for entry in database if entry["file"].endswith(f"/compare/{program}.cpp"))
    words = [word for word in shlex.split(command) if word != "ccache"]
    for option in ("-o", "-MF", "-MQ"):
        words[words.index(option) + 1] = os.devnull
    started = time.monotonic()
    subprocess.run(words, cwd=build, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return time.monotonic() - started
