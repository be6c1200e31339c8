"""One turn: a program run with a time limit, and what it printed."""

import ctypes
import os
import re
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


class TurnFailed(Exception):
    """Says in a few words why there is no figure."""


def start(command, cores, output):
    def in_child():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # whatever happens to us, it does not stay behind
        if cores:
            os.sched_setaffinity(0, cores)

    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True,
                            preexec_fn=in_child)


def finish(process, seconds):
    """Its output; whatever happens, it is gone afterwards."""
    try:
        output, complaint = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise TurnFailed(f"not done in {seconds} s") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode < 0:
        raise TurnFailed(f"died: {signal.Signals(-process.returncode).name}")
    if process.returncode:
        raise TurnFailed((complaint.strip().splitlines() or [f"status {process.returncode}"])[-1])
    return output


def listed(command):
    """The workloads a program has, with the numbers of workers each runs on."""
    try:
        text = finish(start([*command, "--list"], None, subprocess.PIPE), 20)
    except TurnFailed:
        return {}
    found = {}
    for line in text.splitlines():
        words = re.match(r"(\w+)", line)
        bounds = re.search(r"workers: (\d+) to (\d+)", line)
        if words:
            found[words[1]] = (int(bounds[1]), int(bounds[2])) if bounds else (1, 1024)
    return found


def parse(output, system, workers):
    """{figure: (value, unit)} from lines of `system figure workers value unit`."""
    figures = {}
    for line in output.splitlines():
        words = line.split()
        if len(words) != 5 or words[0] != system or words[2] != str(workers):
            raise TurnFailed(f"printed '{line}'")
        figures[words[1]] = (float(words[3]), words[4])
    if not figures:
        raise TurnFailed("printed nothing")
    return figures


def turn(system, workload, workers, n, limit):
    output = finish(start([*system.command, workload.name, str(workers), str(n)], None, subprocess.PIPE), limit)
    return parse(output, system.name, workers)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(server, port, seconds=5):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TurnFailed("the server does not listen")


def split_cores():
    """One for the server; the last one for the load."""
    cores = sorted(os.sched_getaffinity(0))
    return {cores[0]}, {cores[-1]}


def server_turn(system, workload, workers, load, seconds, limit):
    server_cores, load_cores = split_cores()
    port = free_port()
    server = start([*system.command, workload.name, str(workers), str(port)], server_cores, subprocess.DEVNULL)
    try:
        wait_until_listening(server, port)
        output = finish(start([load, workload.name, str(port), str(workload.connections), str(seconds), str(server.pid)],
                              load_cores, subprocess.PIPE), limit)
    finally:
        server.kill()
        server.communicate()
    per_second, p50, p99, p999, cpu = map(float, output.split())
    title = workload.title
    return {title: (cpu, "us"), f"{title}_p99": (p99, "us"), f"{title}_p999": (p999, "us"),
            f"{title}_time": (1e6 / per_second, "us")}
