"""The library in projects of others: found by CMake where it is installed, and built by CMake or Meson as a part of theirs."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUTPUT = "the echo of 5 bytes is hello\nthe deadline has passed\n"


def attempt(command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=900, **options)


def run(command, **options):
    done = attempt(command, **options)
    if done.returncode != 0:
        raise AssertionError(f"status {done.returncode} from: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


class Project(unittest.TestCase):
    """One with the consumer for its program."""

    maxDiff = None

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)

    def write(self, name, text):
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def cmake(self, text, *options):
        self.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.20)\nproject(consumer CXX)\n" + text)
        return attempt(["cmake", "-S", self.place, "-B", self.place / "build", *options])

    def build(self, text, *options):
        done = self.cmake(text, *options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        run(["cmake", "--build", self.place / "build", "-j", os.cpu_count()])
        return self.place / "build" / "consumer"


class Found(Project):
    """find_package, of what was installed and then moved."""

    @classmethod
    def setUpClass(cls):
        place = tempfile.TemporaryDirectory()
        cls.addClassCleanup(place.cleanup)
        run(["meson", "install", "-C", os.environ["RAMIE_BUILD"], "--no-rebuild", "--quiet", "--destdir", place.name])
        config = next(pathlib.Path(place.name).rglob("RamieConfig.cmake"))
        cls.prefix = next(each for each in config.parents if (each / "include").is_dir()).rename(
            pathlib.Path(place.name) / "moved")

    def find(self, request, then="", *options):
        return self.cmake(f"find_package(Ramie {request})\n{then}", f"-DCMAKE_PREFIX_PATH={self.prefix}", *options)

    def consumer(self, target, request="0.1 CONFIG REQUIRED", source=HERE / "consumer.cpp", kind="Release", visibility="default"):
        return self.build(f"find_package(Ramie {request})\nadd_executable(consumer {source})\n"
                          f"target_link_libraries(consumer PRIVATE {target})\n",
                          f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_BUILD_TYPE={kind}",
                          f"-DCMAKE_CXX_VISIBILITY_PRESET={visibility}")

    def test_the_shared_library(self):
        program = self.consumer("Ramie::ramie")
        self.assertIn("libramie.so", run(["readelf", "--dynamic", program]))
        self.assertEqual(run([program]), OUTPUT)

    def test_the_static_library(self):
        program = self.consumer("Ramie::ramie_static", kind="Debug")
        self.assertNotIn("libramie.so", run(["readelf", "--dynamic", program]))
        self.assertEqual(run([program]), OUTPUT)

    def test_an_exception_of_the_library_s_is_caught_by_the_consumer(self):
        self.write("thrower.cpp", "#include <ramie/ramie.hpp>\n"
                   "#include <stdexcept>\n"
                   "int main() {\n"
                   "    ramie::run([] {\n"
                   "        auto failing = ramie::spawn([] { throw std::out_of_range(\"far\"); });\n"
                   "        try { failing.get(); } catch (std::out_of_range const&) { std::puts(\"ours\"); }\n"
                   "        auto aborted = ramie::spawn([] { ramie::this_fiber::sleep_for(std::chrono::hours(1)); });\n"
                   "        aborted.abort();\n"
                   "        try { aborted.get(); } catch (ramie::join_error const&) { std::puts(\"its own\"); }\n"
                   "        try { aborted.get(); } catch (std::exception const& e) {\n"
                   "            std::puts(dynamic_cast<std::logic_error const*>(&e) != nullptr ? \"a second get\" : e.what());\n"
                   "        }\n"
                   "        auto swallowing = ramie::spawn([] {\n"
                   "            try { ramie::this_fiber::sleep_for(std::chrono::hours(1)); } catch (ramie::aborted const&) { std::puts(\"aborted\"); throw; }\n"
                   "        });\n"
                   "        ramie::this_fiber::yield();\n"
                   "        swallowing.abort_and_join();\n"
                   "        (void)ramie::timeout(std::chrono::nanoseconds(1), [] {\n"
                   "            try { ramie::this_fiber::sleep_for(std::chrono::hours(1)); } catch (ramie::deadline_passed const&) { std::puts(\"late\"); throw; }\n"
                   "        });\n"
                   "    });\n"
                   "    try { ramie::spawn([] {}); } catch (std::logic_error const& e) {\n"
                   "        if (dynamic_cast<ramie::no_runtime const*>(&e) != nullptr) std::puts(\"no runtime\");\n"
                   "    }\n"
                   "}\n")
        caught = "ours\nits own\na second get\naborted\nlate\nno runtime\n"
        for target in ("Ramie::ramie", "Ramie::ramie_static"):
            with self.subTest(target=target):
                self.assertEqual(run([self.consumer(target, source="thrower.cpp", visibility="hidden")]), caught)

    def test_the_hook(self):
        self.write("threads.cpp", "#include <ramie/run_as_threads.hpp>\n"
                   "int main() { return ramie::run_as_threads([] { return 42; }) - 42; }\n")
        program = self.consumer("Ramie::hook", "0.1 CONFIG REQUIRED COMPONENTS hook", "threads.cpp")
        self.assertIn("libramie-hook.so", run(["readelf", "--dynamic", program]))
        run([program])

    def test_an_older_and_a_newer_version_are_not_taken_for_it(self):
        for version in ("0.0.9", "0.2", "1"):
            with self.subTest(version=version):
                done = self.find(f"{version} CONFIG REQUIRED")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("version: 0.1.0", done.stderr)

    def test_a_component_that_there_is_not(self):
        done = self.find("CONFIG REQUIRED COMPONENTS engine")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('This Ramie has no component "engine"', done.stderr)


class Part(Project):
    """add_subdirectory, or a Meson subproject."""

    def test_cmake_builds_the_sources_that_meson_builds(self):
        done = self.cmake(f"set(CMAKE_EXPORT_COMPILE_COMMANDS ON)\nadd_subdirectory({ROOT} ramie)\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        commands = json.loads((self.place / "build" / "compile_commands.json").read_text())
        by_cmake = {each["file"] for each in commands}
        # (With unity=on, Meson does not tell.)
        by_meson = {str(build.parent / source) for floor in ("fibers", "runtime", "io") for build in (ROOT / floor).rglob("meson.build")
                    for source in re.findall(r"'([\w/]+\.cpp)'", build.read_text()) if (build.parent / source).exists()} - {str(ROOT / "fibers/src/unity_filler.cpp")}
        by_meson = {source for source in by_meson if not source.startswith(str(ROOT / "io/threads/"))}  # no part of other projects
        self.assertGreater(len(by_meson), 100)
        self.assertEqual(by_cmake, by_meson)

    @unittest.skipUnless(float(os.environ.get("RAMIE_TEST_SCALE", "1")) >= 10, "it compiles the library again: in --long")
    def test_cmake_builds_it_as_a_part(self):
        for shared in ("OFF", "ON"):
            with self.subTest(shared=shared):
                program = self.build(f"add_subdirectory({ROOT} ramie)\nadd_executable(consumer {HERE}/consumer.cpp)\n"
                                     "target_link_libraries(consumer PRIVATE Ramie::ramie)\n",
                                     "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_UNITY_BUILD=ON", f"-DBUILD_SHARED_LIBS={shared}")
                self.assertEqual(run([program]), OUTPUT)

    def test_a_meson_project_has_it_as_a_subproject(self):
        self.write("meson.build", "project('consumer', 'cpp', default_options: ['cpp_std=none'])\n"
                   "ramie = dependency('ramie', fallback: 'ramie', "
                   "default_options: ['tests=false', 'samples=false', 'bench=false'])\n"
                   f"executable('consumer', '{HERE}/consumer.cpp', dependencies: ramie, cpp_args: '-std=c++23')\n")
        self.write("subprojects/ramie.wrap", (ROOT / "packaging" / "ramie.wrap").read_text())
        (self.place / "subprojects" / "ramie").symlink_to(ROOT)
        run(["meson", "setup", self.place / "build", self.place, "-Dprefer_static=false", "--wrap-mode=forcefallback"])
        targets = json.loads(run(["meson", "introspect", "--targets", self.place / "build"]))
        self.assertIn("consumer", [each["name"] for each in targets])
        self.assertIn("ramie_io", [each["name"] for each in targets])


if __name__ == "__main__":
    unittest.main()
