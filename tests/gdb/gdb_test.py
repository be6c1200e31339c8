"""ramie-gdb.py, on a live process and on its core: a program of four tasks that kills itself (waiting_tasks.cpp)."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["RAMIE_BUILD"])
PROGRAM = BUILD / "tests" / "waiting-tasks"
SCRIPT = ROOT / "packaging" / "gdb" / "ramie-gdb.py"


class Gdb(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        cls.place = pathlib.Path(place.name)
        # As it is installed: under gdb's directory of such scripts, by the library's whole name.
        library = (BUILD / "libramie.so").resolve()
        script = pathlib.Path(f"{cls.place}/auto-load{library}-gdb.py")
        script.parent.mkdir(parents=True)
        script.symlink_to(SCRIPT)
        cls.core = cls.place / "core"
        # gdb cannot read over guard pages of the other kind when it makes a core; the kernel can.
        cls.live = cls.gdb(PROGRAM, "run", "ramie bt 4", "frame", f"generate-core-file {cls.core}", "kill",
                           RAMIE_STACK_GUARD="mprotect")
        cls.of_core = cls.gdb(
            PROGRAM, f"core-file {cls.core}",
            "echo \\n-- info\\n", "info ramie",
            "echo \\n-- tasks\\n", "info ramie tasks",
            "echo \\n-- lockers\\n", "info ramie tasks locker",
            "echo \\n-- reader\\n", "ramie bt 2",
            "echo \\n-- holder\\n", "ramie bt 3",
            "echo \\n-- locker\\n", "ramie bt 4",
            "echo \\n-- all\\n", "ramie bt all",
            "echo \\n-- before\\n", "backtrace 3",
            "echo \\n-- frame\\n", "ramie frame 4", "frame function (anonymous namespace)::take", "info locals", "print which",
            "echo \\n-- after\\n", "ramie frame", "backtrace 3",
            "echo \\n-- root\\n", "ramie frame 1", "frame function (anonymous namespace)::fall", "print reading", "print to", "print lock",
            "echo \\n-- mistakes\\n", "ramie bt 99", "ramie bt x", "ramie frame 5", "info ramie none")

    @classmethod
    def gdb(cls, program, *commands, **environment):
        settings = (f"set auto-load scripts-directory {cls.place}/auto-load", f"set auto-load safe-path {cls.place}:{ROOT}",
                    "set disable-randomization off", "set debuginfod enabled off", "set width 0", "set confirm off")
        # One after the other, also after one that is an error, which -x would not do.
        lines = [f"-iex={each}" for each in settings] + [f"-ex={each}" for each in commands]
        done = subprocess.run(["gdb", "-nx", "-batch", *lines, program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120, env={**os.environ, **environment})
        return done.stdout

    def part(self, name):
        found = re.search(rf"^-- {name}\n(.*?)(?=^-- |\Z)", self.of_core, re.MULTILINE | re.DOTALL)
        self.assertIsNotNone(found, self.of_core)
        return found[1].strip("\n")

    def test_info_names_runtimes_and_workers(self):
        self.assertRegex(self.part("info"), r'^runtime 1: 1 workers, 5 unfinished tasks\n  worker 0: LWP \d+, runs task 1 "root"$')

    def test_tasks_are_listed_with_what_they_do_and_where_they_were_spawned(self):
        lines = self.part("tasks").splitlines()
        self.assertEqual(len(lines), 5, lines)
        self.assertRegex(lines[0], r'^task 1 "root": runs on worker 0; spawned at .*waiting_tasks.cpp:\d+$')
        self.assertRegex(lines[1], r'^task 2 "reader \\x1b\[2J": waits for channel receive 0x[0-9a-f]+; spawned at ')
        self.assertRegex(lines[2], r'^task 3 "holder": waits for sleep; ')
        self.assertRegex(lines[3], r'^task 4 "locker": waits for mutex 0x[0-9a-f]+, held by task 3; ')
        self.assertRegex(lines[4], r'^task 5 "not yet": has not started, pinned; ')
        self.assertEqual(self.part("lockers"), lines[3])

    def test_a_backtrace_of_each_of_three_fibers_of_a_core_goes_to_its_entry(self):
        for name, expected in (("reader", ["read_below"] * 3), ("holder", ["ramie::this_fiber::sleep_for"]),
                               ("locker", ["ramie::mutex::lock", "take"])):
            text = self.part(name)
            lines = text.splitlines()
            with self.subTest(name):
                self.assertRegex(lines[0], rf'^task \d "{name}')
                called = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(?:\(anonymous namespace\)::)?([\w:]+)", text, re.MULTILINE)
                known = ("read_below", "ramie::this_fiber::sleep_for", "ramie::mutex::lock", "take")
                self.assertEqual([each for each in called if each in known], expected, text)
                self.assertEqual([int(n) for n in re.findall(r"^#(\d+)", text, re.MULTILINE)], list(range(len(lines) - 2)))
                self.assertIn("lane::fiber_main", lines[-2])
                self.assertRegex(lines[-1], r"^spawned at .*waiting_tasks.cpp:\d+$")
                self.assertNotIn("Backtrace stopped", text)

    def test_bt_all_has_the_running_one_too_and_the_one_that_has_not_started(self):
        tasks = re.split(r"(?m)^(?=task \d)", self.part("all"))[1:]
        self.assertEqual(len(tasks), 5)
        self.assertRegex(tasks[0], r"(?s)^task 1.*#0 .*#\d+ .*raise.*#\d+ .*fall ")
        self.assertEqual(len(tasks[4].splitlines()), 2)

    def test_frame_makes_variables_of_a_task_visible_and_gives_the_thread_back(self):
        text = self.part("frame")
        self.assertIn("before_the_lock = 3", text)
        self.assertRegex(text, r'= .*mutex, held by task 3 "holder", 1 waiter')
        self.assertEqual(self.part("after"), self.part("before"))

    def test_printers_of_handles_channels_and_locks(self):
        text = self.part("root")
        self.assertIn(r'join_handle of task 2 "reader \x1b[2J"', text)
        self.assertIn("sender of a channel of 0 of 3 messages, 0 waiters to send, 1 waiter to receive", text)
        self.assertIn('mutex, held by task 3 "holder", 1 waiter', text)

    def test_mistakes_are_answered(self):
        self.assertEqual(self.part("mistakes").splitlines(), [
            "ramie: there is no unfinished task 99",
            "ramie: a task's number is wanted, not 'x'",
            'ramie: task 5 "not yet": has not started, pinned; it has no stack here',
            "ramie: info ramie, or info ramie tasks; there is no info ramie none",
        ])
        self.assertIn("ramie: there is no ramie_debug_root", self.gdb("/bin/true", f"source {SCRIPT}", "info ramie"))

    def test_a_live_process_is_read_the_same_way(self):
        self.assertRegex(self.live, r'(?s)task 4 "locker": waits for mutex .*\n#\d+ .*::take \(.*\nspawned at .*\n#0 ')


if __name__ == "__main__":
    unittest.main()
