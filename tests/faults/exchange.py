"""A client of an echo server: what it sent must come back whole and in order, or stop, never be anything else."""

import random
import select
import socket
import threading
import time

PATIENCE_SECONDS = 20  # only so that no test hangs
NUDGE_SECONDS = 0.02


class Outcome:
    """How a connection went. `sound`: all that came was what had been sent, in order."""

    def __init__(self, port, seed):
        self.port, self.seed = port, seed
        self.came, self.sound, self.ended = 0, True, "whole"

    def __repr__(self):
        damaged = "" if self.sound else ", NOT as sent"
        return f"client {self.seed} at port {self.port}: {self.came} bytes{damaged}, {self.ended}"


def exchange(client, seed, size, piece=20_000, nudges=False, pause=0.0):
    """Sends `size` bytes while it receives, half-closes, and reads to the end.

    nudges: it sends the next piece when the last one is back, or nothing has come for a while; half-closes when all is.
    pause:  it rests so many seconds before each read.
    """
    try:
        port = client.getsockname()[1] if client.family == socket.AF_INET else None
    except OSError:
        port = None
    outcome = Outcome(port, seed)
    message = random.Random(seed).randbytes(size)
    sent, half_closed, heard = 0, False, time.monotonic()
    give_up = time.monotonic() + PATIENCE_SECONDS
    client.setblocking(False)
    while True:
        now = time.monotonic()
        if now > give_up:
            outcome.ended = "hangs"
            return outcome
        nudge = nudges and outcome.came < sent and now - heard > NUDGE_SECONDS
        if nudge and sent == len(message):
            message += random.Random(sent).randbytes(10)
        if sent == len(message) and not half_closed and (outcome.came == sent or not nudges):
            try:
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # reset: the next read says so
            half_closed = True
        to_send = sent < len(message) and (not nudges or nudge or outcome.came == sent)
        readable, writable, _ = select.select([client], [client] if to_send else [], [], NUDGE_SECONDS)
        try:
            if writable:
                sent += client.send(message[sent:sent + piece])
                heard = time.monotonic()
            if readable:
                if pause:
                    time.sleep(pause)
                part = client.recv(65536)
                if not part:
                    outcome.ended = "whole" if outcome.came == sent and half_closed else "cut"
                    return outcome
                outcome.sound &= part == message[outcome.came:outcome.came + len(part)]
                outcome.came += len(part)
                heard = time.monotonic()
        except BlockingIOError:
            pass
        except (ConnectionError, TimeoutError) as error:
            outcome.ended = type(error).__name__
            return outcome


def connected(place):
    """`place`: a port of the loopback, or the path of a unix socket."""
    client = socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET)
    client.settimeout(PATIENCE_SECONDS)
    client.connect(place if isinstance(place, str) else ("127.0.0.1", place))
    return client


def at_once(count, one):
    """one(i) for i below count, each in a thread; the results in order."""
    results = [None] * count

    def run(i):
        results[i] = one(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def exchanges(place, count, size, connect=connected, **how):
    """So many clients at once."""

    def one(i):
        try:
            client = connect(place)
        except OSError as error:
            refused = Outcome(None, i)
            refused.ended = type(error).__name__
            return refused
        with client:
            return exchange(client, i, size, **how)

    return at_once(count, one)
