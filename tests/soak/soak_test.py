"""The short form of the soak, in ./tests/run --long: so many rounds of each load, not so many seconds. (The long one: docs/testing.md.)"""

import os
import subprocess
import unittest

SOAK = os.path.join(os.environ["RAMIE_BUILD"], "tests", "soak")
PATIENCE_SECONDS = 600  # only so that no test hangs


@unittest.skipUnless(float(os.environ.get("RAMIE_TEST_SCALE", 1)) > 1 and os.path.exists(SOAK), "the soak is for --long")
class Soak(unittest.TestCase):
    def test_after_many_rounds_of_everything_all_is_back_where_it_was(self):
        done = subprocess.run([SOAK, "rounds=300"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(done.stdout.endswith("all is back where it was\n"), done.stdout)
