"""bench/run's arithmetic and tables, and its promises on the command line. (No workload is run.)"""

import os
import pathlib
import subprocess
import sys
import unittest
import xml.dom.minidom

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
sys.path.append(os.fspath(BENCH / "support"))

import bars  # noqa: E402
import plan  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402
from compare import Run, cases, choose  # noqa: E402
from figures import Cell, best_peer, of, ratio, row, rows  # noqa: E402


def cells():
    return [
        Cell("ramie", "yield", 1, "ns", 10, [12.0, 10.0, 11.0]),
        Cell("tokio", "yield", 1, "ns", 10, [30.0, 20.0, 22.0, 24.0]),
        Cell("go", "yield", 1, "ns", 10, [25.0]),
        Cell("asio", "yield", 1, "ns", 10, problem="not done in 60 s"),
        Cell("ramie", "echo_64", 1, "us", 1, [4.4]),
        Cell("go", "echo_64", 1, "us", 1, [5.5]),
        Cell("raw_loop", "echo_64", 1, "us", 1, [4.0]),
        Cell("ramie", "fib", 2, "ms", 27, [11.0]),
    ]


class Arithmetic(unittest.TestCase):
    def test_minimum_and_median(self):
        ramie, tokio = cells()[:2]
        self.assertEqual((ramie.minimum, ramie.median), (10.0, 11.0))
        self.assertEqual((tokio.minimum, tokio.median), (20.0, 23.0))

    def test_the_best_peer_has_the_least_median_and_is_neither_ours_nor_the_floor(self):
        self.assertEqual(best_peer(row(cells(), "yield", 1)).system, "tokio")
        self.assertEqual(best_peer(row(cells(), "echo_64", 1)).system, "go")
        self.assertEqual(best_peer(row(cells(), "yield", 1), ("go", "threads")).system, "go")
        self.assertIsNone(best_peer(row(cells(), "fib", 2)))

    def test_a_ratio_is_of_medians_and_none_without_figures(self):
        line = row(cells(), "yield", 1)
        self.assertAlmostEqual(ratio(of(line, "ramie"), best_peer(line)), 11 / 23)
        self.assertIsNone(ratio(of(line, "asio"), best_peer(line)))
        self.assertIsNone(ratio(of(line, "ramie"), None))

    def test_rows_keep_their_order(self):
        self.assertEqual(rows(cells()), [("yield", 1), ("echo_64", 1), ("fib", 2)])


class Tables(unittest.TestCase):
    def test_the_text_has_minimum_median_and_ratio(self):
        lines = [line.split() for line in report.text(cells()).splitlines()]
        self.assertIn(["ramie", "10.0", "11.0", "0.48x"], lines)
        self.assertIn(["tokio", "20.0", "23.0", "1.00x"], lines)
        self.assertIn("asio not done in 60 s".split(), lines)

    def test_the_markdown_lines_have_as_many_columns_as_their_head(self):
        for block in report.markdown(cells(), ["a note"]).split("\n\n"):
            lines = [line for line in block.splitlines() if line.startswith("|")]
            self.assertEqual(len({line.count("|") for line in lines} | {0}), 2 if lines else 1)

    def test_the_markdown_marks_the_best_peer_and_compares_with_the_floor(self):
        text = report.markdown(cells(), [])
        self.assertIn("**23.0 (20.0)**", text)
        self.assertIn("| 0.80x | 0.80x | 1.10x |", text)

    def test_the_picture_is_well_formed_also_without_figures_of_ours(self):
        for shown in (cells(), [cell for cell in cells() if cell.system != "ramie"]):
            xml.dom.minidom.parseString(bars.picture(shown, 1, ["a < b"]))


class Plan(unittest.TestCase):
    everybody = [plan.System(name, [name]) for name in ("ramie", "go", "threads", "raw_loop")]
    listed = {"yield": (1, 1), "fib": (1, 1024)}

    def test_what_is_printed_is_read_and_nothing_else(self):
        self.assertEqual(programs.parse("go parked 1 264.5 bytes\ngo parked_spawn 1 3e2 ns\n", "go", 1),
                         {"parked": (264.5, "bytes"), "parked_spawn": (300.0, "ns")})
        for text in ("", "go parked 2 264.5 bytes", "tokio parked 1 264.5 bytes", "oops"):
            with self.assertRaises(programs.TurnFailed):
                programs.parse(text, "go", 1)

    def test_naming_peers_keeps_ours_and_the_floor(self):
        workloads, chosen = choose(["go", "fib"], self.everybody)
        self.assertEqual([w.name for w in workloads], ["fib"])
        self.assertEqual([s.name for s in chosen], ["ramie", "go", "raw_loop"])

    def test_a_system_runs_what_it_lists_at_the_workers_it_lists(self):
        available = [(s, self.listed if s.name != "raw_loop" else {}) for s in self.everybody]
        todo = [(w.name, workers, [s.name for s, _ in entrants])
                for w, workers, entrants in cases(plan.WORKLOADS, available, False, None, 1.0)]
        self.assertEqual(todo, [("yield", 1, ["ramie", "go", "threads"]), ("fib", 1, ["ramie", "go", "threads"]),
                                ("fib", 2, ["ramie", "go", "threads"])])

    def test_slow_systems_get_less_but_only_where_the_figure_is_per_item(self):
        for workload in plan.WORKLOADS:
            if workload.name in ("skynet", "fib", "sleep"):
                self.assertEqual(workload.fewer, {})

    def test_turns_are_interleaved(self):
        run, order = Run("load", 3, 1, 1), []
        run.take = lambda workload, workers, system, n: order.append(system.name) or True
        everybody = [(s, 1) for s in self.everybody[:2]]
        run.all([(plan.WORKLOADS[0], 1, everybody)])
        self.assertEqual(order, ["ramie", "go"] * 3)

    def test_a_cell_that_fails_twice_is_given_up(self):
        run, order = Run("load", 5, 1, 1), []
        run.take = lambda workload, workers, system, n: order.append(system.name) or system.name != "go"
        run.all([(plan.WORKLOADS[0], 1, [(s, 1) for s in self.everybody[:2]])])
        self.assertEqual((order.count("ramie"), order.count("go")), (5, 2))


class Scripts(unittest.TestCase):
    def test_help_builds_nothing_and_is_no_error(self):
        for script in ("run", "instructions"):
            done = subprocess.run([BENCH / script, "--help"], cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(f"usage: bench/{script}", done.stdout)


if __name__ == "__main__":
    unittest.main()
