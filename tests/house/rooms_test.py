"""The rooms of the sources: each has a head page that says what it may include, and the tour names them all, the lowest
first. A header includes only rooms that come before its own; what a source file reaches up for, its page says, too.
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOORS = ("fibers", "runtime", "io")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
GENERATED = {"ramie/detail/tls/with_tls.hpp"}
FOR_ALL = {"ramie.hpp", "unity_filler.cpp"}  # in no room: the header of headers, and what Meson needs


def pages():
    """Room -> its head page. The room of a floor's uppermost files, which lie in no folder, has the floor's name."""
    for floor in FLOORS:
        for page in sorted((ROOT / floor / "src").rglob("README.md")):
            room = page.parent.name if page.parent.name != "src" else floor
            yield room, page


def listed(page, head):
    found = re.search(rf"^{head}: (.*?)\.$", page.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        return None
    return [word.strip("` ") for word in found[1].replace("\n", " ").split(",") if word.strip() != "nothing"]


class House:
    def __init__(self):
        self.pages = dict(pages())
        self.room_of_public = {}
        for room, page in self.pages.items():
            for header in listed(page, "Public headers") or []:
                self.room_of_public.setdefault(header, []).append(room)
        self.files = {}  # as an include names it -> (file, room)
        for floor in FLOORS:
            for base in ("include", "src"):
                for file in (ROOT / floor / base).rglob("*"):
                    if file.suffix in (".hpp", ".cpp") and file.name not in FOR_ALL:
                        self.files[str(file.relative_to(ROOT / floor / base))] = (file, self.room(floor, file))
        self.order = self.order_of_the_tour()

    def room(self, floor, file):
        if file.parent == ROOT / floor / "include" / "ramie":
            rooms = self.room_of_public.get(file.name, [])
            return rooms[0] if len(rooms) == 1 else None
        if file.parent == ROOT / floor / "src":
            return floor
        if file.parent == ROOT / floor / "include" / "ramie" / "testing":
            return "simulation"  # for test frameworks, which other programs need not have
        return file.parent.name

    def order_of_the_tour(self):
        return re.findall(r"^\| \[`(\w+)`\]", (ROOT / "docs" / "tour.md").read_text(), re.MULTILINE)

    def includes(self):
        """(file, its room, the room it includes), for includes of another room."""
        for file, room in self.files.values():
            for name in INCLUDE.findall(file.read_text()):
                if name in GENERATED or name not in self.files:
                    continue
                other = self.files[name][1]
                if other != room:
                    yield file, room, other


class RoomsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = House()

    def test_every_folder_of_sources_has_a_head_page(self):
        for floor in FLOORS:
            for folder in (ROOT / floor / "src").iterdir():
                if folder.is_dir():
                    self.assertIn(folder.name, self.house.pages, f"{folder} has no README.md")

    def test_a_head_page_says_where_to_begin(self):
        for room, page in self.house.pages.items():
            begin = re.search(r"^First file: `([\w/.]+)`", page.read_text(), re.MULTILINE)
            self.assertIsNotNone(begin, f"{page} names no first file")
            mirrored = page.parents[2] / "include" / "ramie" / "detail" / room
            self.assertTrue((page.parent / begin[1]).exists() or (mirrored / begin[1]).exists(), f"{room}: no {begin[1]}")

    def test_every_file_is_in_one_room(self):
        for name, (file, room) in self.house.files.items():
            self.assertIn(room, self.house.pages, f"{file} is in no room, or in several")

    def test_the_tour_names_every_room_once_and_no_other(self):
        self.assertEqual(sorted(self.house.order), sorted(self.house.pages))

    def test_the_tour_names_files_that_are_there(self):
        tour = (ROOT / "docs" / "tour.md").read_text()
        floor = None
        for line in tour.split("\n"):
            if found := re.match(r"## (\w+)/", line):
                floor = found[1]
            for name in re.findall(r"`((?:src|include|hook|[a-z]+/(?:src|include))/[\w./]+\.\w+)`", line):
                self.assertTrue((ROOT / name).exists() or (ROOT / floor / name).exists(), f"the tour names {name}")

    def test_a_header_includes_only_rooms_that_come_before_its_own(self):
        place = {room: number for number, room in enumerate(self.house.order)}
        for file, room, other in self.house.includes():
            if file.suffix == ".hpp":
                self.assertLess(place[other], place[room], f"{file} includes {other}/, which comes after {room}/")

    def test_a_head_page_names_exactly_the_rooms_that_are_included(self):
        headers, all_files = {}, {}
        for file, room, other in self.house.includes():
            all_files.setdefault(room, set()).add(other)
            if file.suffix == ".hpp":
                headers.setdefault(room, set()).add(other)
        for room, page in self.house.pages.items():
            by_headers = headers.get(room, set())
            self.assertEqual(set(listed(page, "Headers include")), by_headers, f"headers of {room}/")
            self.assertEqual(set(listed(page, "Sources also include")), all_files.get(room, set()) - by_headers,
                             f"sources of {room}/")

    def test_the_tests_have_the_same_rooms(self):
        for floor in FLOORS:
            for folder in (ROOT / "tests" / floor).iterdir():
                if folder.is_dir() and folder.name != "__pycache__":
                    self.assertIn(folder.name, self.house.pages, f"{folder} tests no room")


if __name__ == "__main__":
    unittest.main()
