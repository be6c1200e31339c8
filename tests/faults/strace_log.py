"""What strace wrote."""

import re


class Injection:
    """A system call that strace made fail."""

    def __init__(self, text):
        self.call = text.partition("(")[0]
        self.error = re.search(r"= -1 (\w+)", text)[1]
        peer = re.search(r"->127\.0\.0\.1:(\d+)\]", text.partition(",")[0])
        self.peer = int(peer[1]) if peer else None  # the port of the client whose connection it was


def complete_lines(log):
    """Those of strace's log, with what it wrote in two pieces put together."""
    begun = {}
    for line in log.splitlines():
        thread, _, text = line.partition(" ")
        text = text.lstrip()
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>")
        else:
            resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", text)
            yield begun.pop(thread, "") + resumed[1] if resumed else text


def injections(log):
    return [Injection(line) for line in complete_lines(log) if line.endswith("(INJECTED)")]
