"""Runs ramie-bench and the peers in turn and reports.   (called by bench/run)

usage: compare.py RAMIE_BENCH PEERS RESULTS [options of bench/run]
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
from datetime import datetime, timezone

import programs
import report
from bars import picture
from figures import FLOOR, Cell
from plan import WORKLOADS, systems

NOISY = 0.05  # of the machine, used by others
FAILURES_ALLOWED = 2  # of a cell, before its other turns are skipped
FIRST_GUESS_SECONDS = 1.0  # for the time left, until something was timed


def say(message):
    print(message, file=sys.stderr, flush=True)


def options(arguments):
    parser = argparse.ArgumentParser(prog="bench/run", add_help=False)
    parser.add_argument("ramie"), parser.add_argument("peers"), parser.add_argument("results")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--workers", type=int, action="append")
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("names", nargs="*")
    return parser.parse_intermixed_args(arguments)


def choose(names, all_systems):
    """Workloads and systems named; naming none of a kind means all of it. Ours and the floor are always there."""
    workload_names = {w.name for w in WORKLOADS} | {w.title for w in WORKLOADS}
    peer_names = {s.name for s in all_systems}
    unknown = [name for name in names if name not in workload_names | peer_names]
    if unknown:
        sys.exit(f"bench/run: neither a workload nor a peer that is built: {', '.join(unknown)}; --list names them")
    workloads = [w for w in WORKLOADS if {w.name, w.title} & set(names)] or list(WORKLOADS)
    chosen = [s for s in all_systems if s.name in names]
    if chosen:
        chosen = [s for s in all_systems if s in chosen or s.name in ("ramie", FLOOR)]
    return workloads, chosen or all_systems


def cases(workloads, available, quick, workers_wanted, scale):
    """(workload, workers, [(system, n)]) to run, one after another."""
    for workload in workloads:
        n_of_all = workload.quick_n if quick else workload.n
        if quick and not n_of_all:
            continue
        for workers in workload.workers:
            if workers_wanted and workers not in workers_wanted:
                continue
            entrants = []
            for system, listed in available:
                least, most = listed.get(workload.name, (1, 0))
                if not least <= workers <= most or system.name in workload.without:
                    continue
                n = min(n_of_all, workload.fewer.get(system.name, n_of_all))
                # skynet's and fib's N is no count; of the others it may be any.
                entrants.append((system, n if workload.name in ("skynet", "fib") else max(1, int(n * scale))))
            if entrants:
                yield workload, workers, entrants


class Run:
    def __init__(self, load, turns, limit, load_seconds):
        self.load, self.turns, self.limit, self.load_seconds = load, turns, limit, load_seconds
        self.cells, self.took, self.done = [], {}, 0

    def cell(self, system, figure, workers, n):
        for cell in self.cells:
            if (cell.system, cell.figure, cell.workers) == (system, figure, workers):
                return cell
        cell = Cell(system, figure, workers, n=n)
        self.cells.append(cell)
        return cell

    def take(self, workload, workers, system, n):
        started = time.monotonic()
        try:
            if workload.connections:
                figures = programs.server_turn(system, workload, workers, self.load, self.load_seconds, self.limit)
            else:
                figures = programs.turn(system, workload, workers, n, self.limit)
            for figure, (value, unit) in figures.items():
                cell = self.cell(system.name, figure, workers, n)
                cell.unit = unit
                cell.values.append(value)
            return True
        except (programs.TurnFailed, OSError) as problem:
            self.cell(system.name, workload.title, workers, n).problem = str(problem)
            return False
        finally:
            self.took.setdefault((workload.title, workers, system.name), []).append(time.monotonic() - started)

    def time_left(self, left):
        """Of (workload, workers, system) still to be run: each as it took before, else as all took on average."""
        known = [seconds for times in self.took.values() for seconds in times]
        average = sum(known) / len(known) if known else FIRST_GUESS_SECONDS
        seconds = sum(sum(self.took[key]) / len(self.took[key]) if key in self.took else average for key in left)
        return f"{int(seconds) // 60}:{int(seconds) % 60:02}"

    def all(self, todo):
        order = [((workload.title, workers, system.name), workload, workers, system, n)
                 for workload, workers, entrants in todo for _ in range(self.turns) for system, n in entrants]
        failures = {}
        for i, (key, workload, workers, system, n) in enumerate(order):
            if failures.get(key, 0) >= FAILURES_ALLOWED:
                continue
            left = self.time_left([k for k, *_ in order[i:]])
            say(f"[{i + 1}/{len(order)}, {left} left] {workload.title} {workers} {system.name}")
            if not self.take(workload, workers, system, n):
                failures[key] = failures.get(key, 0) + 1


def machine():
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as info:
            model = next(line.partition(":")[2].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}"


def busy_share(seconds=0.5):
    """How much of all processors others are using now."""
    def times():
        with open("/proc/stat") as stat:
            fields = [int(field) for field in stat.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    total, idle = times()
    time.sleep(seconds)
    total_after, idle_after = times()
    return 1 - (idle_after - idle) / max(total_after - total, 1)


def write(directory, name, content):
    with open(os.path.join(directory, name), "w") as file:
        file.write(content)


def save(run, directory, notes, record):
    os.makedirs(directory, exist_ok=True)
    record["cells"] = [{"system": c.system, "figure": c.figure, "workers": c.workers, "n": c.n, "unit": c.unit,
                        "values": c.values, "min": c.minimum if c.values else None,
                        "median": c.median if c.values else None, "problem": c.problem} for c in run.cells]
    write(directory, "results.json", json.dumps(record, indent=1) + "\n")
    write(directory, "results.md", report.markdown(run.cells, notes))
    for workers in sorted({cell.workers for cell in run.cells}):
        write(directory, f"{workers}-worker{'s' if workers > 1 else ''}.svg", picture(run.cells, workers, notes))


def show_list(available):
    print("workloads (with the systems that have them):")
    for workload in WORKLOADS:
        having = [s.name for s, listed in available if workload.name in listed and s.name not in workload.without]
        print(f"  {workload.title:<14} {'quick  ' if workload.quick_n else '       '}{' '.join(having)}")


def main():
    arguments = options(sys.argv[1:])
    everybody = systems(arguments.ramie, arguments.peers)
    workloads, chosen = choose(arguments.names, everybody)
    available = [(s, {"echo": (1, 1), "http": (1, 1)} if s.name == FLOOR else programs.listed(s.command)) for s in chosen]
    if arguments.list:
        show_list(available)
        return 0
    turns = max(1, arguments.turns)
    run = Run(os.path.join(arguments.peers, "load"), turns, arguments.limit, 1.0 if arguments.quick else 1.5)
    todo = list(cases(workloads, available, arguments.quick, arguments.workers, arguments.scale))
    if not todo:
        sys.exit("bench/run: nothing to run: no system built has these workloads at these numbers of workers")

    notes = [f"{machine()}. {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, {turns} turns of each, interleaved."]
    busy = busy_share()
    if busy > NOISY:
        say(f"Note: other programs use {100 * busy:.0f} % of this machine: the figures will waver.")
    interrupted = False
    try:
        run.all(todo)
    except KeyboardInterrupt:
        interrupted = True
        notes.append("Interrupted: not everything was run.")
        say("\nstopped; this is what there is")
    busy = max(busy, busy_share())
    if busy > NOISY:
        notes.append(f"NOISY: other programs used {100 * busy:.0f} % of this machine when this began or ended.")
    if run.cells:
        print("\n" + report.text(run.cells) + "\n" + "\n".join(notes))
        save(run, arguments.results, notes, {"machine": machine(), "turns": turns, "used_by_others": round(busy, 3),
                                             "interrupted": interrupted, "scale": arguments.scale})
        print(f"in {arguments.results}: results.json, results.md, pictures (*.svg)")
    return 130 if interrupted else 1 if any(cell.problem for cell in run.cells) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves through every `finally`, as Ctrl-C does
    sys.exit(main())
