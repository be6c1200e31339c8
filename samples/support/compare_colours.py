"""Runs the same programs as fibers and as coroutines, in turn, and shows what each colour costs.

usage: compare_colours.py BUILD LOGS [options]   (called by samples/run compare)
       compare_colours.py --check [options]      only says what is wrong with the options
"""

import argparse
import os
import shlex
import signal
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone

import colour_sources
from colour_programs import PROGRAMS, Setting
from compare_servers import busy_share, say, split_cores
from server import ServerFailed
from table import aligned, number

COLOURS = ("fibers", "coroutines")
NOISY = 0.05  # of the machine, used by others
COMMAND = "./samples/run compare"
MARKER = "<!-- figures -->"  # in a Markdown file: what follows is written here


@dataclass
class Cell:
    """One program in one colour."""
    program: object
    colour: str
    per_second: list = field(default_factory=list)
    cpu_ns: list = field(default_factory=list)  # per item
    task_bytes: list = field(default_factory=list)
    tasks: int = 0
    compile_seconds: float = 0
    problem: str = ""

    @property
    def source(self):
        return f"{self.program.name}_{self.colour}.cpp"


def whole(least, most):
    def parse(text):
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {least} to {most}")
        return int(text)
    return parse


def share(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0.0001 <= value <= 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0.0001 to 100")
    return value


def options(arguments):
    names = list(dict.fromkeys(program.name for program in PROGRAMS))
    parser = argparse.ArgumentParser(prog=COMMAND, allow_abbrev=False, description=
                                     "Runs four programs, and calls of different depth, as fibers and as coroutines.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these, of: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="two turns with a fifth of the work; nothing is compiled")
    parser.add_argument("--turns", type=whole(1, 100), help="how often each is run (5)")
    parser.add_argument("--scale", type=share, help="that much of the work (1.0)")
    parser.add_argument("--workers", type=whole(1, 1024), help="RAMIE_WORKERS for both (one for each core of "
                        "the programs' half of the machine)")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table there (as seen from the top folder); "
                        f"an existing FILE must have a line {MARKER}, and keeps what is before it")
    chosen = parser.parse_intermixed_args(arguments)
    unknown = [name for name in chosen.names if name not in names]
    if unknown:
        parser.error(f"no such program: {', '.join(unknown)}; there are {', '.join(names)}")
    if chosen.markdown and os.path.exists(chosen.markdown) and text_before_figures(chosen.markdown) is None:
        parser.error(f"{chosen.markdown} exists and has no line {MARKER}: not overwritten")
    chosen.names = chosen.names or names
    chosen.turns = chosen.turns or (2 if chosen.quick else 5)
    chosen.scale = chosen.scale or (0.2 if chosen.quick else 1.0)
    return chosen


def take_turn(cell, setting):
    figures = cell.program.drive(setting, cell.colour)
    parked = cell.program.parked(setting, cell.colour)
    cell.per_second.append(figures.items / figures.seconds)
    cell.cpu_ns.append(1e9 * figures.cpu_seconds / figures.items)
    if parked:
        grown, cell.tasks = parked
        cell.task_bytes.append(grown / cell.tasks)


def run_all(cells, setting, turns):
    total = turns * len(cells)
    for turn in range(turns):
        for i, cell in enumerate(cells):  # colours in turn, so that a bad minute of the machine hits both
            if cell.problem:
                continue
            say(f"[{turn * len(cells) + i + 1}/{total}] {cell.program.name}, {cell.colour}: {cell.program.item}")
            try:
                take_turn(cell, setting)
            except (ServerFailed, OSError) as problem:
                cell.problem = str(problem)


def compile_all(cells, build):
    for source in dict.fromkeys(cell.source for cell in cells):
        say(f"compiling {source}")
        try:
            seconds = colour_sources.compile_seconds(build, source.removesuffix(".cpp"))
        except (subprocess.CalledProcessError, StopIteration, ValueError) as problem:
            say(f"{source}: its compile time could not be taken: {problem!r}")
            continue
        for cell in cells:
            if cell.source == source:
                cell.compile_seconds = seconds


def duration(ns):
    return f"{number(ns / 1000, 1)} us" if ns >= 1000 else f"{number(ns, 0 if ns >= 10 else 1)} ns"


COLUMNS = [  # heading, text of a cell
    ("program", lambda c: c.program.name),
    ("an item is", lambda c: c.program.item),
    ("colour", lambda c: c.colour),
    ("lines", lambda c: number(colour_sources.lines(c.source))),
    ("co_ words", lambda c: number(colour_sources.coloured_words(c.source))),
    ("compile", lambda c: f"{number(c.compile_seconds, 1)} s" if c.compile_seconds else "-"),
    ("items/s", lambda c: number(statistics.median(c.per_second))),
    ("CPU/item", lambda c: duration(statistics.median(c.cpu_ns))),
    ("parked tasks", lambda c: number(c.tasks) if c.task_bytes else "-"),
    ("bytes/task", lambda c: number(statistics.median(c.task_bytes)) if c.task_bytes else "-"),
]
LEFT = 3  # columns


def rows(cells):
    return [[heading for heading, _ in COLUMNS]] + [
        [text(cell) for _, text in COLUMNS] for cell in cells if cell.cpu_ns]


def notes(setting, turns, busy):
    own = {colour: ", ".join(f"{header} {colour_sources.lines(header)}" for header in headers)
           for colour, headers in colour_sources.OWN_HEADERS.items()}
    place = "others" if setting.server_cores != setting.load_cores else "the same"
    found = [
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, {os.uname().machine}, Linux {os.uname().release}. "
        f"RAMIE_WORKERS={setting.workers} for both, program on {len(setting.server_cores)} core(s), load and upstreams on "
        f"{place}; medians of {turns} turns, interleaved.",
        "Lines: neither blank nor comment. Not counted: what both colours include. Besides, each colour has headers of "
        f"its own; fibers: {own['fibers']}; coroutines: {own['coroutines']}.",
        "CPU: user and system time of the program alone (of servers in ticks of 10 ms). items/s of fan_out and chat are "
        "as much the load's and the upstreams' as the program's.",
        "Bytes: growth of PSS + page tables of the process, tasks parked in the middle of their work, divided by the "
        "tasks; the buffers and strings of a task are in it, what the kernel keeps for sockets is not.",
    ]
    if busy > NOISY:
        found.append(f"NOISY: other programs used {100 * busy:.0f} % of this machine when this began or ended.")
    return found


def text_before_figures(path):
    """None: it has no place for them."""
    with open(path) as file:
        before, found, _ = file.read().partition(MARKER)
    return before if found else None


def write_markdown(path, cells, remarks, command):
    before = text_before_figures(path) if os.path.exists(path) else ""
    head, *body = rows(cells)
    table = ["| " + " | ".join(head) + " |", "|---" * LEFT + "|---:" * (len(head) - LEFT) + "|"]
    table += ["| " + " | ".join(line) + " |" for line in body]
    with open(path, "w") as file:
        file.write(f"{before}{MARKER}\n\nWritten by `{command}`.\n\n" + "\n".join(table) + "\n\n"
                   + "\n".join(f"- {remark}" for remark in remarks) + "\n")


def main():
    if sys.argv[1] == "--check":
        options(sys.argv[2:])
        return 0
    build, logs, *arguments = sys.argv[1:]
    chosen = options(arguments)
    server_cores, load_cores = split_cores()
    os.sched_setaffinity(0, load_cores)
    setting = Setting(os.path.join(build, "samples/compare"), logs, server_cores, load_cores,
                      chosen.workers or len(server_cores), chosen.scale)
    cells = [Cell(program, colour) for program in PROGRAMS if program.name in chosen.names for colour in COLOURS]
    busy = busy_share()
    if busy > NOISY:
        say(f"Note: other programs use {100 * busy:.0f} % of this machine: the figures will waver.")
    run_all(cells, setting, chosen.turns)
    if not chosen.quick:
        compile_all(cells, build)
    remarks = notes(setting, chosen.turns, max(busy, busy_share()))
    print("\n" + "\n".join(aligned(rows(cells), LEFT)) + "\n\n" + "\n".join(remarks))
    failed = [cell for cell in cells if cell.problem]
    for cell in failed:
        print(f"{cell.program.name}, {cell.colour}, {cell.program.item}: {cell.problem}")
    if chosen.markdown:
        write_markdown(chosen.markdown, cells, remarks, " ".join([COMMAND, shlex.join(arguments)]))
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves through every `finally`, as Ctrl-C does
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nstopped")
        sys.exit(130)
