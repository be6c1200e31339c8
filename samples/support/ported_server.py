"""A server from Debian's sources as it is, with a thread for each connection, and ported, with a fiber for each; both with many
connections at once.

usage: ported_server.py BUILD RESULTS NAME [CONNECTIONS]   (called by samples/run)
"""

import asyncio
import contextlib
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

import debian_source
from server import Server, ServerFailed
from servers_to_port import SERVERS
from table import aligned, number

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120
AT_ONCE = 100  # that connect
QUESTION = b"is somebody there?\n"


@dataclass
class Figures:
    answered: int
    threads: int
    mebibytes: float
    cpu_seconds: float
    opening_seconds: float
    ending_seconds: float  # after SIGTERM, with all connections; None: it did not end by itself
    status: int = 0


def compiled(server, source, program, build=None):
    """The server's program; ported if there is a Ramie's build to link."""
    sources = [str(file) for file in server.prepare(source)]
    flags = ["-O2", "-w", "-D_GNU_SOURCE", *server.flags]
    libraries = ["-pthread", "-lm"]
    if build is not None:
        hook = build / "io" / "hook"
        flags += ["-include", "ramie/pthread_names.h", f"-I{ROOT / 'io' / 'include'}"]
        libraries += [f"-L{build}", f"-L{hook}", f"-Wl,-rpath,{build}:{hook}", "-lramie", "-Wl,--no-as-needed", "-lramie-hook"]
    done = subprocess.run(["cc", *flags, *sources, "-o", str(program), *libraries], cwd=source, capture_output=True, text=True)
    if done.returncode != 0:
        raise ServerFailed("it does not compile: " + (done.stderr.strip() or done.stdout.strip()))
    return program


def port_of(name, build, folder, as_it_is=True):
    """The programs, compiled from the package's source: as it is, unless that is not wanted, and ported."""
    server, folder = SERVERS[name], pathlib.Path(folder).resolve()
    source = debian_source.fetch(name, folder)
    port = debian_source.patched(source, ROOT / "samples" / "ports" / "servers" / f"{name}.patch", folder / f"{name}.port")
    programs = [compiled(server, source, folder / f"{name}-threads")] if as_it_is else []
    return [*programs, compiled(server, port, folder / f"{name}-fibers", pathlib.Path(build).resolve())]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.asynccontextmanager
async def echo_server():
    """What tunnels lead to. Its port."""
    async def echo(reader, writer):
        try:
            while text := await reader.read(4096):
                writer.write(text)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=4096)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Crowd:
    """Connections that all stay until the end."""

    def __init__(self, server, port, echo_port, count):
        self.server, self.port, self.echo_port, self.count = server, port, echo_port, count
        self.all_asked = asyncio.Event()
        self.leave = asyncio.Event()
        self.gate = asyncio.Semaphore(AT_ONCE)
        self.opened = self.left = self.answered = 0

    async def visit(self):
        """One connection: asks when all are there, and stays."""
        writer = None
        try:
            async with self.gate:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                is_open = await self.server.open(reader, writer, self.echo_port)
            self.opened += is_open
            self.left += not is_open
            await self.all_asked.wait()
            is_answered = await self.server.converse(reader, writer, QUESTION)
            self.answered += is_answered
            self.left += not is_answered
            await self.leave.wait()
        except (OSError, asyncio.IncompleteReadError):
            self.left += 1
        finally:
            if writer is not None:
                writer.close()

    async def until(self, is_so):
        """False: it took too long."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True


async def wait_until_it_listens(process, port):
    while process.sample():
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.02)
    raise ServerFailed("did not start: " + (process.last_words() or process.ending()))


async def measure(name, program, connections, results):
    """Figures."""
    server, port = SERVERS[name], free_port()
    arguments = server.arguments(port, connections, results)
    process = Server(str(program), os.sched_getaffinity(0), 2, str(pathlib.Path(results) / f"{program.name}.log"), arguments)
    try:
        async with contextlib.AsyncExitStack() as also:
            echo_port = await also.enter_async_context(echo_server()) if server.needs_echo else 0
            await wait_until_it_listens(process, port)
            crowd = Crowd(server, port, echo_port, connections)
            visits = [asyncio.create_task(crowd.visit()) for _ in range(connections)]
            began = time.monotonic()
            await crowd.until(lambda: crowd.opened + crowd.left >= connections)
            opening = time.monotonic() - began
            crowd.all_asked.set()
            await crowd.until(lambda: crowd.answered + crowd.left >= connections)
            process.sample()
            figures = Figures(crowd.answered, process.peak_threads, process.peak_rss_kib / 1024, process.cpu_seconds(), opening,
                              None)
            figures.ending_seconds = await asyncio.to_thread(end_of, process)
            figures.status = process.process.poll()
            crowd.leave.set()
            for visit in visits:
                visit.cancel()
            await asyncio.gather(*visits, return_exceptions=True)
            return figures
    finally:
        process.stop()


def end_of(process):
    """Seconds after SIGTERM; None: it does not end by itself."""
    began = time.monotonic()
    process.process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.process.wait(PATIENCE_SECONDS)
        return time.monotonic() - began
    return None


def row(label, f):
    ended = "not by itself" if f.ending_seconds is None else number(f.ending_seconds, 2)
    return [label, number(f.answered), number(f.threads), number(f.mebibytes), number(f.cpu_seconds, 2),
            number(f.opening_seconds, 1), ended]


def main(build, results, name, connections="3000"):
    results = pathlib.Path(results).resolve()
    results.mkdir(parents=True, exist_ok=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if shutil.which("patch") is None or shutil.which("cc") is None:
        sys.exit(f"{name} is skipped: patch and a C compiler are needed")
    try:
        programs = port_of(name, build, results / "sources")
    except debian_source.NotToBeHad as problem:
        print(f"{name} is skipped: its source is not to be had: {problem}")
        return
    rows = [["", "answered", "OS threads", "MB", "CPU s", "connected in s", "ends after s"]]
    for label, program in zip(("as it is", "ported"), programs):
        try:
            rows.append(row(label, asyncio.run(measure(name, program, int(connections), results))))
        except ServerFailed as problem:
            rows.append([label, str(problem)] + [""] * 5)
    print(f"{name}, {number(int(connections))} connections at once")
    print("\n".join(aligned(rows)))


if __name__ == "__main__":
    main(*sys.argv[1:])
