"""Servers of Debian's, ported by a patch of a few lines: they serve on few threads, and end by themselves."""

import asyncio
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "samples" / "support"))
import debian_source  # noqa: E402
import ported_server  # noqa: E402

BUILD = pathlib.Path(os.environ["RAMIE_BUILD"])
CONNECTIONS = 40


@unittest.skipIf(shutil.which("cc") is None or shutil.which("patch") is None, "cc and patch are needed")
class PortedServers(unittest.TestCase):
    def figures_of(self, name):
        try:
            (program,) = ported_server.port_of(name, BUILD, BUILD / "sources", as_it_is=False)
        except debian_source.NotToBeHad as problem:
            self.skipTest(f"the source of {name} is not to be had: {problem}")
        with tempfile.TemporaryDirectory() as place:
            return asyncio.run(ported_server.measure(name, program, CONNECTIONS, place))

    def test_tinyproxy_ends_by_sigterm_with_all_its_connections(self):
        figures = self.figures_of("tinyproxy")
        self.assertEqual(figures.answered, CONNECTIONS)
        self.assertLess(figures.threads, CONNECTIONS // 2)
        self.assertIsNotNone(figures.ending_seconds, "one SIGTERM did not end it")
        self.assertEqual(figures.status, 0)

    def test_microsocks(self):
        figures = self.figures_of("microsocks")
        self.assertEqual(figures.answered, CONNECTIONS)
        self.assertLess(figures.threads, CONNECTIONS // 2)


class Patches(unittest.TestCase):
    def test_a_port_changes_few_lines(self):
        for patch in (ROOT / "samples" / "ports" / "servers").glob("*.patch"):
            lines = [line for line in patch.read_text().splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
            with self.subTest(patch=patch.name):
                self.assertGreater(len(lines), 0)
                self.assertLess(len([line for line in lines if line.strip("+-")]), 11)


class Sources(unittest.TestCase):
    def test_the_same_places_are_asked_for_sources(self):
        ask = debian_source.asking_for_sources
        self.assertEqual(ask("# main\ndeb http://a b main\ndeb-src http://c b main\n deb [x=y] http://d b\n", False),
                         "deb-src http://a b main\ndeb-src [x=y] http://d b\n")
        self.assertEqual(ask("Types: deb\nURIs: http://a\n\nTypes: deb deb-src\nURIs: http://b\n", True),
                         "Types: deb-src\nURIs: http://a\n\nTypes: deb-src\nURIs: http://b\n")

    def test_a_package_that_is_nowhere_is_told(self):
        with tempfile.TemporaryDirectory() as place, self.assertRaises(debian_source.NotToBeHad):
            debian_source.patched(pathlib.Path(place), ROOT / "samples" / "ports" / "servers" / "tinyproxy.patch",
                                  pathlib.Path(place) / "new")
