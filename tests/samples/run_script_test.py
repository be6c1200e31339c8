"""samples/run, and the promise that the ported server is nearly the server it was. (The comparison itself is not run.)"""

import pathlib
import subprocess
import unittest

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "samples"
NAMES = {source.stem for folder in ("", "compare", "ports") for source in (SAMPLES / folder).glob("*.cpp")}
NAMES |= {patch.stem for patch in (SAMPLES / "ports" / "servers").glob("*.patch")}


def run(*arguments):
    """Exit status, standard output, standard error; from elsewhere, since the script must not mind."""
    done = subprocess.run([SAMPLES / "run", *arguments], cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def described(text):
    """The names in a list of samples, each with what is said about it."""
    lines = (line.strip().partition(" ") for line in text.splitlines() if line.startswith("  "))
    return {name: words.strip() for name, _, words in lines}


class RunScript(unittest.TestCase):
    def test_the_list_has_every_sample_with_a_description(self):
        status, text, _ = run("--list")
        self.assertEqual((status, set(described(text))), (0, NAMES))
        self.assertEqual([name for name, words in described(text).items() if len(words) < 20], [])

    def test_the_readme_says_what_each_sample_teaches(self):
        text = (SAMPLES / "README.md").read_text()
        self.assertEqual([name for name in sorted(NAMES) if f"{name}](" not in text], [])

    def test_an_unknown_sample_is_answered_with_the_list(self):
        status, text, complaint = run("nosuch")
        self.assertEqual((status, text), (2, ""))
        self.assertIn("'nosuch'", complaint)
        self.assertEqual(set(described(complaint)), NAMES)

    def test_an_unknown_option_is_answered_with_the_usage(self):
        status, _, complaint = run("--nosuch")
        self.assertEqual(status, 2)
        self.assertIn("usage: samples/run", complaint)

    def test_help_is_not_an_error(self):
        status, text, complaint = run("--help")
        self.assertEqual((status, complaint), (0, ""))
        self.assertIn("usage: samples/run", text)


class Porting(unittest.TestCase):
    def test_porting_changes_fewer_than_40_lines(self):
        ports = [SAMPLES / "ports" / name for name in ("http_threads.cpp", "http_fibers.cpp")]
        difference = subprocess.run(["diff", *ports], capture_output=True, text=True).stdout
        changed = [line for line in difference.splitlines() if line.startswith(("<", ">"))]
        self.assertGreater(len(changed), 0)
        self.assertLess(len(changed), 40)
