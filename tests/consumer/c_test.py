"""C programs: <ramie/ramie.h> by itself, and a pthread program that is ported by one header."""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class CProgram(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.build = pathlib.Path(os.environ["RAMIE_BUILD"])

    def run_it(self, command, **environment):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def compile(self, *sources, standard="c11", flags=(), libraries=("-lramie",)):
        program = self.place / "program"
        self.run_it(["gcc", f"-std={standard}", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-D_GNU_SOURCE",
                     f"-I{ROOT / 'io' / 'include'}", *flags, *sources, "-o", program, f"-L{self.build}", *libraries,
                     f"-Wl,-rpath,{self.build}:{self.build / 'io' / 'hook'}", "-pthread"])
        return program

    def test_what_the_header_promises(self):
        program = self.compile(HERE / "c_threads.c")
        for environment in ({}, {"RAMIE_WORKERS": "1"}, {"RAMIE_WORKERS": "3", "RAMIE_FORCE_MIGRATION": "1"}):
            with self.subTest(environment=environment):
                self.assertEqual(self.run_it([program], **environment), "C is served\n")

    def test_the_headers_are_c99_and_cpp(self):
        for name in ("ramie.h", "pthread_names.h"):
            source = self.place / "alone.c"
            source.write_text(f"#include <ramie/{name}>\nint main(void) {{ return 0; }}\n")
            self.compile(source, standard="c99")
            self.run_it(["g++", "-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                         f"-I{ROOT / 'io' / 'include'}", source])

    def hooked(self):
        return ["-lramie", f"-L{self.build / 'io' / 'hook'}", "-Wl,--no-as-needed", "-lramie-hook"]

    def main_of(self, how):
        source = self.place / "main.c"
        source.write_text(f"#include <ramie/ramie.h>\nint old_main(void *);\nint main(void) {{ return {how}; }}\n")
        return source

    def test_a_pool_of_pthreads_is_ported_by_one_header_and_its_main(self):
        before = self.compile(HERE / "pthread_pool.c", self.main_of("old_main(0)"))
        self.assertEqual(self.run_it([before]), "5000 jobs, 0 seats left, many OS threads\n")
        after = self.compile(HERE / "pthread_pool.c", self.main_of("ramie_run_as_threads(old_main, 0)"),
                             flags=["-include", "ramie/pthread_names.h"],
                             libraries=self.hooked())
        for environment in ({}, {"RAMIE_WORKERS": "1"}, {"RAMIE_FORCE_MIGRATION": "1", "RAMIE_WORKERS": "3"}):
            with self.subTest(environment=environment):
                self.assertEqual(self.run_it([after], **environment), "5000 jobs, 0 seats left, few OS threads\n")

    def test_a_program_of_c11_threads_is_ported_by_the_same_header(self):
        before = self.compile(HERE / "c11_pool.c", self.main_of("old_main(0)"))
        self.assertEqual(self.run_it([before]), "44850, 300 left, made 1 times, many OS threads\n")
        after = self.compile(HERE / "c11_pool.c", self.main_of("ramie_run_as_threads(old_main, 0)"),
                             flags=["-include", "ramie/pthread_names.h"], libraries=self.hooked())
        for environment in ({}, {"RAMIE_WORKERS": "1"}, {"RAMIE_FORCE_MIGRATION": "1", "RAMIE_WORKERS": "3"}):
            with self.subTest(environment=environment):
                self.assertEqual(self.run_it([after], **environment), "44850, 300 left, made 1 times, few OS threads\n")

    def stopped_daemon(self, program, how, stops, environment):
        daemon = subprocess.Popen([program, how], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
        self.addCleanup(daemon.stdout.close)
        self.addCleanup(daemon.kill)
        port = int(daemon.stdout.readline())
        # The handlers that serve these wait for ever; nothing but the signal wakes main.
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)] if how in ("accept", "poll", "ppoll", "select") else []
        for client in clients:
            self.addCleanup(client.close)
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
        # As with threads, a signal just before main's call would be missed, but for ppoll.
        for _ in range(1 if how == "ppoll" else 1000):
            daemon.send_signal(stops)
            try:
                status = daemon.wait(0.1 if how != "ppoll" else 100)
                break
            except subprocess.TimeoutExpired:
                pass
        self.assertEqual(status, 0)
        self.assertEqual(daemon.stdout.read(), f"{len(clients)} accepted, then told to stop\n")

    def test_locks_and_conditions_of_c11_need_no_hook(self):
        before = self.compile(HERE / "c11_locks.c", self.main_of("old_main(0)"))
        self.assertEqual(self.run_it([before]), "C11's locks: 4000, 100 turns, many OS threads\n")
        after = self.compile(HERE / "c11_locks.c", self.main_of("ramie_run(old_main, 0)"),
                             flags=["-DRAMIE_C11_LOCKS", "-include", "ramie/pthread_names.h"])
        for environment in ({}, {"RAMIE_WORKERS": "1"}, {"RAMIE_FORCE_MIGRATION": "1", "RAMIE_WORKERS": "3"}):
            with self.subTest(environment=environment):
                self.assertEqual(self.run_it([after], **environment), "C11's locks: 4000, 100 turns, few OS threads\n")

    def ported_daemon(self, run):
        main = self.place / "daemon_main.c"
        main.write_text("#include <ramie/ramie.h>\nint old_main(void *);\nchar const *how;\n"
                        f"int main(int argc, char **argv) {{ how = argv[argc - 1]; return {run}(old_main, 0); }}\n")
        return self.compile(HERE / "daemon.c", main, flags=["-include", "ramie/pthread_names.h"], libraries=self.hooked())

    def test_a_daemon_ends_by_its_signal(self):
        program = self.ported_daemon("ramie_run_as_threads")
        for how in ("accept", "poll", "select", "ppoll", "sleep", "pause", "sem_wait"):
            with self.subTest(how=how):
                self.stopped_daemon(program, how, signal.SIGTERM, {})
        self.stopped_daemon(program, "accept", signal.SIGTERM, {"RAMIE_WORKERS": "1"})
        self.stopped_daemon(program, "poll", signal.SIGUSR1, {"RAMIE_FORCE_MIGRATION": "1", "RAMIE_WORKERS": "3"})  # SA_RESTART

    def test_what_means_an_os_thread_does_not_compile(self):
        source = self.place / "kills.c"
        source.write_text("#include <signal.h>\nint main(void) { return pthread_kill(pthread_self(), 0); }\n")
        with self.assertRaisesRegex(AssertionError, "pthread_kill"):
            self.compile(source, flags=["-include", "ramie/pthread_names.h"])


if __name__ == "__main__":
    unittest.main()
