"""The programs in two colours, and how each is driven: with the same work and the same number of parked tasks."""

import os
import resource
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

from server import Server, ServerFailed

AN_HOUR_MS = "3600000"
PATIENCE_SECONDS = 60


@dataclass
class Setting:
    """Where and how a program runs."""
    directory: str  # of the programs
    logs: str
    server_cores: set
    load_cores: set
    workers: int
    scale: float

    def scaled(self, count, least=1):
        return max(least, int(count * self.scale))


@dataclass
class Figures:
    items: int
    seconds: float
    cpu_seconds: float


@contextmanager
def running(setting, program, *arguments, cores=None):
    server = Server(os.path.join(setting.directory, program), cores or setting.server_cores, setting.workers,
                    os.path.join(setting.logs, f"{program}.log"), arguments)
    complaint = None
    try:
        yield server
    finally:
        complaint = server.stop()
    if complaint and not complaint.endswith("SIGTERM"):  # of those that are no servers SIGTERM is the end
        raise ServerFailed(complaint)


def batch(setting, program, *arguments, items):
    """A program that ends by itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with running(setting, program, *arguments) as process:
        status = process.process.wait(PATIENCE_SECONDS * 10)
        seconds = time.monotonic() - started
        if status != 0:
            raise ServerFailed(process.last_words() or process.ending())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Figures(items, seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def parked_bytes(setting, program, *arguments):
    with running(setting, program, *arguments) as process:
        process.wait_until_idle()
        return process.memory_bytes()


class Client:
    """A connection that sends and expects whole pieces of text."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, text):
        self.socket.sendall(text)

    def receive(self, size):
        pieces = []
        while size > 0:
            piece = self.socket.recv(min(size, 1 << 16))
            if not piece:
                raise ServerFailed("it has closed a connection")
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def close(self):
        self.socket.close()


def together(jobs):
    """Runs callables on a thread each; the first failure is thrown here."""
    failures = []

    def guarded(job):
        try:
            job()
        except (OSError, ServerFailed) as problem:
            failures.append(problem)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def timed(server, count, job):
    cpu, started = server.cpu_seconds(), time.monotonic()
    job()
    return Figures(count, time.monotonic() - started, server.cpu_seconds() - cpu)


def wait_for_descriptors(server, count):
    """Until all its connections are there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while server.descriptors() < count:
        if time.monotonic() > deadline:
            raise ServerFailed(f"it has only {server.descriptors()} of {count} connections; ulimit -n?")
        time.sleep(0.05)


class FanOut:
    name, item = "fan_out", "request to 16 upstreams"
    UPSTREAMS, CLIENTS = 16, 8

    @contextmanager
    def gateway(self, setting, colour):
        with running(setting, "upstream", "0", cores=setting.load_cores) as upstream:
            arguments = (str(upstream.wait_until_ready()), AN_HOUR_MS)
            with running(setting, f"fan_out_{colour}", *arguments) as server:
                yield server, server.wait_until_ready()

    def drive(self, setting, colour):
        each = setting.scaled(1500)
        request = b" ".join(b"%d" % n for n in range(self.UPSTREAMS)) + b"\n"
        answer = b" ".join(b"%d" % (n * n) for n in range(self.UPSTREAMS)) + b"\n"

        def ask(client, count):
            sender = threading.Thread(target=client.send, args=(request * count,))
            sender.start()
            if client.receive(len(answer) * count) != answer * count:
                raise ServerFailed("a wrong answer")
            sender.join()

        with self.gateway(setting, colour) as (server, port):
            clients = [Client(port) for _ in range(self.CLIENTS)]
            together([lambda c=c: ask(c, 10) for c in clients])  # connects to the upstreams
            figures = timed(server, each * len(clients), lambda: together([lambda c=c: ask(c, each) for c in clients]))
            for client in clients:
                client.close()
            return figures

    def parked(self, setting, colour):
        clients = setting.scaled(150, least=2)
        with self.gateway(setting, colour) as (server, port):
            server.wait_until_idle()
            before, opened = server.memory_bytes(), []
            for _ in range(clients):
                opened.append(Client(port))
                opened[-1].send(b"hang " * self.UPSTREAMS + b"\n")
            wait_for_descriptors(server, clients * (1 + self.UPSTREAMS))
            server.wait_until_idle()
            grown = server.memory_bytes() - before
            for client in opened:
                client.close()
            return grown, clients * (1 + self.UPSTREAMS)


class Pipeline:
    name, item = "pipeline", "item and stage"
    STAGES = 8

    def drive(self, setting, colour):
        items = setting.scaled(150_000)
        return batch(setting, f"pipeline_{colour}", str(items), str(self.STAGES), items=items * self.STAGES)

    def parked(self, setting, colour):
        stages = setting.scaled(5000, least=2)
        few, many = (parked_bytes(setting, f"pipeline_{colour}", "2", str(n), AN_HOUR_MS) for n in (1, 1 + stages))
        return many - few, stages


class Sum:
    name, item = "sum", "block"

    def drive(self, setting, colour):
        blocks = setting.scaled(200_000)
        return batch(setting, f"sum_{colour}", str(blocks), items=blocks)

    def parked(self, setting, colour):
        blocks = setting.scaled(5000, least=2)
        few, many = (parked_bytes(setting, f"sum_{colour}", str(n), AN_HOUR_MS) for n in (1, blocks))
        return many - few, 2 * blocks - 2  # two for each division


class Chat:
    name, item = "chat", "line delivered"
    GUESTS, AT_ONCE = 20, 2

    def drive(self, setting, colour):
        rounds = setting.scaled(250)
        with running(setting, f"chat_{colour}", "0") as server:
            port = server.wait_until_ready()
            guests = [Client(port) for _ in range(self.GUESTS)]
            for n, guest in enumerate(guests):
                guest.send(b"g%02d\n" % n)
                for other in guests[:n + 1]:
                    other.receive(len(b"* g00 joins\n"))
            line = b"the quick brown fox jumps over the lazy dog"
            all_lines = len(b"g00: \n" + line) * self.GUESTS * self.AT_ONCE

            def talk():
                for _ in range(rounds):
                    for guest in guests:
                        guest.send((line + b"\n") * self.AT_ONCE)
                    for guest in guests:
                        guest.receive(all_lines)

            figures = timed(server, rounds * self.GUESTS * self.AT_ONCE * self.GUESTS, talk)
            for guest in guests:
                guest.close()
            return figures

    def parked(self, setting, colour):
        count = setting.scaled(1000, least=2)
        with running(setting, f"chat_{colour}", "0") as server:
            port = server.wait_until_ready()
            server.wait_until_idle()
            before = server.memory_bytes()
            guests = [Client(port) for _ in range(count)]
            wait_for_descriptors(server, count)
            server.wait_until_idle()
            grown = server.memory_bytes() - before
            for guest in guests:
                guest.close()
            return grown, 3 * count  # the connection's own, and what it waits for: a reader and a writer


class Depth:
    """The same call through more or fewer levels."""

    def __init__(self, levels, wait_every, item):
        self.name, self.item, self.levels, self.wait_every = "depth", item, levels, wait_every

    def drive(self, setting, colour):
        calls = setting.scaled(400_000)
        return batch(setting, f"depth_{colour}", str(calls), str(self.levels), str(self.wait_every), items=2 * calls)

    def parked(self, setting, colour):
        if self.wait_every == 0:
            return None
        tasks = setting.scaled(5000, least=2)
        few, many = (parked_bytes(setting, f"depth_{colour}", "1", str(self.levels), "1", str(n), AN_HOUR_MS)
                     for n in (1, 1 + tasks))
        return many - few, tasks


PROGRAMS = [FanOut(), Pipeline(), Sum(), Chat(), Depth(0, 1, "wait, 0 levels down"),
            Depth(20, 1, "wait, 20 levels down"), Depth(20, 0, "20 levels, no wait")]
