"""What metrics_text() gives: every figure there is, in a form that Prometheus takes without a complaint."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEADERS = {"of.": "runtime/include/ramie/runtime_metrics.hpp", "of.stacks.": "fibers/include/ramie/stack_metrics.hpp",
           "io.": "io/include/ramie/io_metrics.hpp"}
PROGRAM = """
#include <ramie/metrics_text.hpp>
#include <ramie/runtime.hpp>
#include <ramie/semaphore.hpp>
#include <iostream>
int main() {
    ramie::runtime_metrics of;
    ramie::io_metrics io;
    FIGURES
    std::cout << ramie::metrics_text(of, io) << "--\\n";
    try {
        (void)ramie::metrics_text();
    } catch (ramie::no_runtime const&) { std::cout << "no runtime\\n--\\n"; }
    ramie::run({.workers = 2}, [] {
        ramie::semaphore end(0);
        auto one = ramie::spawn([&] { (void)end.acquire(); }), two = ramie::spawn([&] { (void)end.acquire(); });
        std::cout << ramie::metrics_text();
        end.release();
        end.release();
        one.get(), two.get();
    });
}
"""


def figures():
    for place, header in HEADERS.items():
        for name in re.findall(r"^    (?:unsigned|std::\w+) (\w+) = 0;", (ROOT / header).read_text(), re.MULTILINE):
            yield place + name


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = {name: 1_000_003 * (i + 1) for i, name in enumerate(figures())}
        build = pathlib.Path(os.environ["RAMIE_BUILD"])
        with tempfile.TemporaryDirectory() as place:
            program = pathlib.Path(place) / "metrics"
            text = PROGRAM.replace("FIGURES", "".join(f"{name} = {value};" for name, value in cls.all.items()))
            subprocess.run(["g++", "-std=c++23", *[f"-I{ROOT / floor / 'include'}" for floor in ("fibers", "runtime", "io")],
                            f"-I{build / 'io' / 'include'}", "-x", "c++", "-", "-o", program, f"-L{build}", "-lramie",
                            f"-Wl,-rpath,{build}", "-pthread"], input=text, text=True, check=True, timeout=300)
            said = subprocess.run([program], capture_output=True, text=True, check=True, timeout=60).stdout
        cls.made_up, cls.without, cls.real = said.split("--\n")

    def test_every_figure_is_there(self):
        self.assertGreater(len(self.all), 20)
        shown = [int(value) for value in re.findall(r"^ramie_\S+ (\d+)$", self.made_up, re.MULTILINE)]
        self.assertEqual(sorted(shown), sorted(self.all.values()))

    def test_a_running_program_tells_its_own(self):
        self.assertIn("\nramie_workers 2\n", self.real)
        live = int(re.search(r"^ramie_tasks_live (\d+)$", self.real, re.MULTILINE)[1])
        self.assertEqual(live, 3)

    def test_without_a_runtime_it_says_so(self):
        self.assertEqual(self.without, "no runtime\n")

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_prometheus_takes_it(self):
        for text in (self.made_up, self.real):
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
