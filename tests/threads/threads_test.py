"""Programs with threads, as they are, whose threads are fibers: ramie-run with programs that know nothing of Ramie."""

import os
import pathlib
import re
import subprocess
import unittest

BUILD = pathlib.Path(os.environ["RAMIE_BUILD"])
SCALE = float(os.environ.get("RAMIE_TEST_SCALE", "1"))


def run(program, *arguments, options=(), **variables):
    environment = {
        **os.environ,
        "RAMIE_THREADS_LIBRARY": str(BUILD / "io/threads/libramie-threads.so"),
        "RAMIE_HOOK_LIBRARY": str(BUILD / "io/hook/libramie-hook.so"),
        **{name: value for name, value in variables.items() if value is not None},
    }
    return subprocess.run(
        ["sh", BUILD / "io/threads/ramie-run", "--stats", *options, BUILD / "tests" / program, *arguments],
        env=environment, capture_output=True, text=True, timeout=600)


def setUpModule():
    said = run("threads-primitives", "4").stderr
    if missing := re.search(r"all threads stay real ones: (.*)", said):
        raise unittest.SkipTest(missing[1])


class Threads(unittest.TestCase):
    maxDiff = None

    def primitives(self, count, **variables):
        ended = run("threads-primitives", str(count), **variables)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        said = re.fullmatch(rf"0 wrong, {count} threads, (\d+) of the system\n", ended.stdout)
        self.assertTrue(said, ended.stdout + ended.stderr)
        self.assertIn(f"{count} threads were fibers, 0 were real", ended.stderr)
        return int(said[1])

    def test_every_primitive_with_a_few_threads(self):
        self.primitives(12)

    def test_every_primitive_with_a_thousand_threads_on_a_few_of_the_system(self):
        self.assertLess(self.primitives(1000, RAMIE_WORKERS="2", RAMIE_STALL_THRESHOLD_MS="3600000"), 8)

    def test_every_primitive_when_all_that_wait_go_on_in_another_thread(self):
        self.primitives(400, RAMIE_FORCE_MIGRATION="1", RAMIE_WORKERS="2")

    @unittest.skipUnless(SCALE >= 10, "in --long")
    def test_every_primitive_with_thirty_thousand_threads(self):
        self.primitives(30_000)
        self.primitives(30_000, RAMIE_FORCE_MIGRATION="1")

    def edge(self, name, said, code=0, heard=None, **variables):
        ended = run("threads-edges", name, **variables)
        self.assertEqual((ended.returncode, ended.stdout), (code, said), ended.stderr)
        for each in heard or ():
            self.assertIn(each, ended.stderr)
        return ended

    def test_edges(self):
        for name in ("exceptions", "standard", "identities", "joins", "children", "libraries", "churn"):
            for migrates in (None, "1"):
                with self.subTest(name, migrates=migrates):
                    self.edge(name, f"{name}: 0 wrong\n", RAMIE_FORCE_MIGRATION=migrates)

    def test_what_is_refused_is_said(self):
        self.edge("refused", "refused: 0 wrong\n", heard=(
            "a thread with a stack of its own stays a real one",
            "pthread_kill of another thread is refused (ENOTSUP)",
            "pthread_cancel is refused (ENOTSUP)",
            "priorities and processors of single threads are ignored",
            "1 threads were fibers, 1 were real"))

    def test_a_main_that_ends_by_pthread_exit_leaves_the_last_thread_its_time(self):
        self.edge("main_exits_first", "the last thread\n")

    def test_exit_in_a_thread_ends_the_process(self):
        self.edge("exits_in_a_thread", "atexit\n", code=3)

    def test_the_process_ends_when_main_returns_whatever_threads_wait(self):
        self.edge("returns_while_threads_run", "returns_while_threads_run: 0 wrong\n")

    def test_an_exception_that_no_thread_catches_ends_the_process(self):
        ended = run("threads-edges", "throws")
        self.assertEqual(ended.returncode, -6, ended.stderr)
        self.assertIn("nobody catches it", ended.stderr)

    def test_switched_off_or_without_the_hook_all_threads_are_real(self):
        ended = run("threads-primitives", "12", RAMIE_THREADS="off")
        self.assertEqual(ended.stdout, "0 wrong, 12 threads, 13 of the system\n", ended.stderr)
        self.assertIn("0 threads were fibers, 12 were real", ended.stderr)
        without = subprocess.run([BUILD / "tests/threads-primitives", "12"], capture_output=True, text=True, timeout=60,
                                 env={**os.environ, "LD_PRELOAD": str(BUILD / "io/threads/libramie-threads.so")})
        self.assertEqual(without.stdout, "0 wrong, 12 threads, 13 of the system\n", without.stderr)
        self.assertIn("all threads stay real ones: libramie-hook is not loaded", without.stderr)


class Run(unittest.TestCase):
    def test_explains(self):
        ended = run("threads-edges", options=("--explain",))
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertRegex(ended.stdout, r"program: .*threads-edges\nloaded: .*libramie-threads\.so\n.*libramie-hook\.so\nglibc: +glibc \d")

    def test_refuses_what_cannot_be_and_says_why(self):
        script = ["sh", BUILD / "io/threads/ramie-run"]
        for arguments, code, says in (
            ((), 2, "usage: ramie-run"),
            (("--nonsense", "true"), 2, "there is no option --nonsense"),
            (("no-such-program",), 127, "there is no program no-such-program"),
            (("true",), 1, "libramie-hook.so is not there"),
        ):
            with self.subTest(arguments):
                ended = subprocess.run([*script, *arguments], capture_output=True, text=True, timeout=60, env={
                    **os.environ, "RAMIE_THREADS_LIBRARY": str(BUILD / "io/threads/libramie-threads.so"),
                    "RAMIE_HOOK_LIBRARY": "/nowhere/libramie-hook.so"})
                self.assertEqual(ended.returncode, code, ended.stderr)
                self.assertIn(says, ended.stderr)
