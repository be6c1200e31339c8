"""The load: wrk, run once against one server."""

import json
import os
import subprocess
import time

REPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wrk_report.lua")
POLL_SECONDS = 0.1
POLLS_PER_COUNT = 5  # counting thousands of descriptors takes milliseconds


class LoadFailed(Exception):
    """Says in a few words why there are no figures."""


def run(server, port, connections, seconds, cores):
    """Returns wrk's report as a dict; watches the server meanwhile."""
    threads = 1
    while threads * 2 <= min(len(cores), 8):  # a power of two, so that every number of connections divides evenly
        threads *= 2
    wrk = subprocess.Popen(
        ["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s", "-s", REPORT,
         f"http://127.0.0.1:{port}/"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores))
    try:
        started = time.monotonic()
        polls = 0
        while wrk.poll() is None:
            polls += 1
            if not server.sample(descriptors=polls % POLLS_PER_COUNT == 0):
                raise LoadFailed(server.ending())
            if time.monotonic() - started > 3 * seconds + 10:
                raise LoadFailed("wrk does not end")
            time.sleep(POLL_SECONDS)
        lines = wrk.stdout.read().strip().split("\n")
    finally:
        if wrk.poll() is None:
            wrk.kill()
            wrk.wait()
        wrk.stdout.close()
    try:
        report = json.loads(lines[-1])
    except ValueError:
        raise LoadFailed(f"wrk: {lines[-1] or 'no report'}") from None
    report["failed"] = sum(report[kind] for kind in ("connect", "read", "write", "timeout", "status"))
    return report
