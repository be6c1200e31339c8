"""echo-peer (tests/io/echo_peer.cpp) as a command."""

import os
import unittest

PROGRAM = os.path.join(os.environ["RAMIE_BUILD"], "tests", "echo-peer")


def echo_peer(kind, place, *manner):
    if not os.access(PROGRAM, os.X_OK):
        raise unittest.SkipTest(f"{PROGRAM} is not built")
    return [PROGRAM, kind, place, *manner]
