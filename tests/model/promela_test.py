"""The protocols as Promela models, checked by spin: all that can happen, and that each planted break is found."""
import os
import re
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = float(os.environ.get("RAMIE_TEST_SCALE", "1")) >= 10


def search(model, *defines):
    """(errors, states) of the whole search."""
    with tempfile.TemporaryDirectory() as scratch:
        source = os.path.join(HERE, "promela", model)
        made = [f"-D{d}" for d in defines]
        subprocess.run(["spin", *made, "-a", source], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "search", "pan.c"], cwd=scratch, check=True)
        told = subprocess.run(["./search", "-m1000000"], cwd=scratch, check=True, text=True, stdout=subprocess.PIPE).stdout
    if "max search depth too small" in told or "Search not completed" in told and "errors: 0" in told:
        raise AssertionError("the search was not completed:\n" + told)
    return int(re.search(r"errors: (\d+)", told).group(1)), int(re.search(r"(\d+) states, stored", told).group(1))


class PromelaTest(unittest.TestCase):
    def holds(self, model, *defines):
        errors, states = search(model, *defines)
        self.assertEqual(errors, 0)
        print(f"{model} {' '.join(defines)}: {states} states")

    def breaks(self, model, *names):
        for name in names:
            with self.subTest(name):
                self.assertGreater(search(model, name)[0], 0)

    def test_no_wake_up_is_lost_among_workers_posters_and_the_driver(self):
        self.holds("idle.pml", "WORKERS=3" if LONG else "WORKERS=2")

    def test_each_step_of_falling_asleep_is_needed(self):
        self.breaks("idle.pml", "NO_POST_FENCE", "NO_RECHECK", "NO_HANDOVER", "NO_TOKEN", "ALL_ON_FUTEXES")

    def test_each_wait_has_one_winner_and_no_permit_is_lost(self):
        self.holds("wait.pml")

    def test_each_step_of_a_wait_is_needed(self):
        self.breaks("wait.pml", "NO_GENERATION", "NO_ABORT_CHECK", "ALWAYS_SUBMIT")


if __name__ == "__main__":
    unittest.main()
