"""Drives each variant of the HTTP server with wrk and shows the figures as a table and a picture.

usage: compare_servers.py RESULT_DIRECTORY NAME=PROGRAM...   (called by samples/run)
"""

import os
import resource
import shutil
import signal
import sys
import time
from dataclasses import dataclass

import load
from picture import picture
from server import Server, ServerFailed
from table import number, table

CONNECTIONS = [64, 1000, 8000]
WARM_UP_SECONDS, TIMED_SECONDS = 1, 5
SPARE_DESCRIPTORS = 64  # beside one for each connection


@dataclass
class Result:
    variant: str
    connections: int
    per_second: float = 0
    p50_us: int = 0
    p99_us: int = 0
    cpu_us: float = 0  # per request
    busy: float = 0  # of its cores, 0 to 1
    rss_kib: int = 0
    threads: int = 0
    failed: int = 0
    remark: str = ""  # on figures that are there
    problem: str = ""  # why there are none


def say(message):
    print(message, file=sys.stderr, flush=True)


def split_cores():
    """Cores for the server and for the load: halves, or both the same one."""
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    return (set(cores[:half]), set(cores[half:])) if half else (set(cores), set(cores))


def busy_share(seconds=0.5):
    """How much of all cores others are using now. (The load average would still show our own last run.)"""
    def times():
        with open("/proc/stat") as stat:
            fields = [int(field) for field in stat.readline().split()[1:9]]  # user nice system idle iowait irq softirq steal
        return sum(fields), fields[3] + fields[4]

    total, idle = times()
    time.sleep(seconds)
    total_after, idle_after = times()
    return 1 - (idle_after - idle) / max(total_after - total, 1)


def possible_connections():
    """The loads, cut down to what the descriptor limit lets through; says so."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = sys.maxsize if hard == resource.RLIM_INFINITY else hard - SPARE_DESCRIPTORS
    fitting = [count for count in CONNECTIONS if count <= most]
    if fitting != CONNECTIONS:
        wanted = CONNECTIONS[len(fitting)]
        reduced = most // 100 * 100
        say(f"The limit of open files is {hard} and {number(wanted)} connections need {wanted + SPARE_DESCRIPTORS}: "
            f"driving {number(max(reduced, 0))} instead. (ulimit -H -n raises it, as root.)")
        if reduced > (fitting[-1] if fitting else 0):
            fitting.append(reduced)
    return fitting


def let_connections_close(server):
    """The warm-up's connections are not to be torn down in the timed part."""
    deadline = time.monotonic() + 2
    while server.descriptors() > SPARE_DESCRIPTORS and time.monotonic() < deadline:
        time.sleep(0.05)


def measure(server, result, server_cores, load_cores):
    port = server.wait_until_ready()
    load.run(server, port, result.connections, WARM_UP_SECONDS, load_cores)
    let_connections_close(server)
    started, cpu_before = time.monotonic(), server.cpu_seconds()
    report = load.run(server, port, result.connections, TIMED_SECONDS, load_cores)
    cpu = server.cpu_seconds() - cpu_before
    took = time.monotonic() - started

    if report["requests"] == 0:
        result.problem = "no request was answered"
        return
    result.per_second = report["requests"] / (report["duration_us"] / 1e6)
    result.p50_us, result.p99_us, result.failed = report["p50_us"], report["p99_us"], report["failed"]
    result.cpu_us = 1e6 * cpu / report["requests"]
    result.busy = cpu / took / len(server_cores)
    result.rss_kib, result.threads = server.peak_rss_kib, server.peak_threads
    if server.peak_descriptors < result.connections:
        result.remark = f"only {number(server.peak_descriptors)} connected"


def run_cell(variant, program, connections, server_cores, load_cores, directory):
    result = Result(variant, connections)
    server = None
    try:
        log_path = os.path.join(directory, f"{variant}-{connections}.log")
        server = Server(program, server_cores, len(server_cores), log_path)
        measure(server, result, server_cores, load_cores)
    except (ServerFailed, load.LoadFailed, OSError) as problem:
        result.problem = str(problem)
    finally:
        complaint = server.stop() if server else None
    if complaint and not result.problem:
        result.remark = ", ".join(filter(None, [result.remark, complaint]))
    return result


def conditions(server_cores, load_cores):
    def named(cores):
        low, high = min(cores), max(cores)
        if low == high:
            return f"core {low}"
        unbroken = high - low + 1 == len(cores)
        return f"cores {low}-{high}" if unbroken else "cores " + ",".join(map(str, sorted(cores)))

    workers = len(server_cores)
    place = (f"Server on {named(server_cores)}, wrk on {named(load_cores)}" if server_cores != load_cores
             else f"Server and wrk share {named(server_cores)}")
    return [
        f"{place}. RAMIE_WORKERS={workers} for fibers and coroutines; the threads variant has a thread per connection.",
        f"A fresh server for every line; {WARM_UP_SECONDS} s of warm-up, then {TIMED_SECONDS} s timed, connecting included. "
        "Failed: socket errors, answers other than 2xx or later than 2 s.",
        "RSS leaves out what the kernel keeps: stacks of threads (16 KiB each), page tables, socket buffers.",
    ]


def main():
    directory, *pairs = sys.argv[1:]
    programs = dict(pair.split("=", 1) for pair in pairs)
    os.makedirs(directory, exist_ok=True)
    if not shutil.which("wrk"):
        sys.exit("wrk is missing, and nothing else here makes load. On Debian: apt-get install wrk")
    loads = possible_connections()
    server_cores, load_cores = split_cores()
    os.sched_setaffinity(0, load_cores)  # the watching is not to disturb the server
    busy = busy_share()
    if busy > 0.05:
        say(f"Note: this machine is {number(100 * busy)} % busy before anything runs here: the figures will waver.")

    results = []
    total = len(loads) * len(programs)
    for connections in loads:
        for variant, program in programs.items():
            say(f"[{len(results) + 1}/{total}] {variant}, {number(connections)} connections ...")
            results.append(run_cell(variant, program, connections, server_cores, load_cores, directory))

    notes = conditions(server_cores, load_cores)
    if not any(result.failed for result in results if not result.problem):
        notes.append("No request failed.")
    as_text = "\n".join([table(results), ""] + notes)
    print("\n" + as_text)
    with open(os.path.join(directory, "http.txt"), "w") as file:
        file.write(as_text + "\n")
    svg = os.path.join(directory, "http.svg")
    with open(svg, "w") as file:
        file.write(picture(results, notes))
    print(f"\npicture: {svg}")
    return 1 if any(result.problem for result in results) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves through every `finally`, as Ctrl-C does
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nstopped")
        sys.exit(130)
