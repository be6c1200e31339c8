"""packaging/: as far as it can be told here without vcpkg, Conan and a Debian of its own (packaging/check-deb)."""

import ast
import fnmatch
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
VERSION = re.search(r"^  version: '(.+)',$", (ROOT / "meson.build").read_text(), re.MULTILINE)[1]


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"status {done.returncode} from: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def recipe():
    """The attributes of the recipe's class that are literals."""
    tree = ast.parse((PACKAGING / "conan" / "conanfile.py").read_text())
    body = next(each for each in tree.body if isinstance(each, ast.ClassDef)).body
    return {each.targets[0].id: ast.literal_eval(each.value) for each in body if isinstance(each, ast.Assign)}


class Packaging(unittest.TestCase):
    maxDiff = None

    def test_all_are_of_the_project_s_version(self):
        port = json.loads((PACKAGING / "vcpkg" / "ramie" / "vcpkg.json").read_text())
        changes = (PACKAGING / "debian" / "changelog").read_text()
        cmake = (ROOT / "CMakeLists.txt").read_text()
        self.assertEqual({"vcpkg": port["version-semver"], "conan": recipe()["version"],
                          "debian": re.match(r"ramie \((.+)-\d+\)", changes)[1], "cmake": re.search(r"VERSION (\d\S+) ", cmake)[1],
                          "wrap": re.search(r"revision = v(.+)", (PACKAGING / "ramie.wrap").read_text())[1]},
                         dict.fromkeys(("vcpkg", "conan", "debian", "cmake", "wrap"), VERSION))

    def test_only_options_that_there_are_are_given(self):
        options = set(re.findall(r"^option\('(\w+)'", (ROOT / "meson_options.txt").read_text(), re.MULTILINE)) | {"unity", "unity_size"}
        for file in (PACKAGING / "vcpkg" / "ramie" / "portfile.cmake", PACKAGING / "debian" / "rules"):
            given = set(re.findall(r" -D(\w+)=", file.read_text()))
            self.assertGreater(len(given), 3)
            self.assertEqual(given - options, set(), file)
        given = re.findall(r'"(\w+)": (?:False|bool\(|"enabled")', (PACKAGING / "conan" / "conanfile.py").read_text())
        self.assertGreater(len(given), 3)
        self.assertEqual(set(given) - options, set())

    def test_the_recipe_takes_along_all_that_meson_needs(self):
        parts = re.search(r"for part in \((.*?)\):", (PACKAGING / "conan" / "conanfile.py").read_text())[1]
        taken = {part.removesuffix("/*") for part in re.findall(r'"([^"]+)"', parts)}
        text = (ROOT / "meson.build").read_text()
        always = set(re.findall(r"^subdir\('(\w+)", text, re.MULTILINE)) | {"meson.build", "meson_options.txt", "LICENSE"}
        self.assertEqual(taken, always)

    def test_every_installed_file_is_in_one_debian_package(self):
        plan = json.loads(run(["meson", "introspect", "--installed", os.environ["RAMIE_BUILD"]]))
        options = {each["name"]: each["value"] for each in json.loads(run(["meson", "introspect", "--buildoptions", os.environ["RAMIE_BUILD"]]))}
        prefix, libraries = options["prefix"], os.path.join(options["prefix"], options["libdir"])
        lists = {file.stem: file.read_text().split() for file in (PACKAGING / "debian").glob("*.install")}
        self.assertEqual(len(lists), 4)
        lists["none"] = (PACKAGING / "debian" / "not-installed").read_text().split()
        files = set(plan.values())
        # Meson names the library, and makes its other names by itself.
        files |= {re.sub(r"(\.so)\..*", r"\1", each) for each in files if re.search(r"\.so\.[\d.]+$", each)}
        self.assertGreater(len(files), 5)
        for file in files:
            there = file.replace(libraries, "usr/lib/x").replace(prefix, "usr")
            takers = [name for name, patterns in lists.items() if any(fnmatch.fnmatch(there, each) or there.startswith(each + "/") or
                                                                      fnmatch.fnmatch(there, each + "/*") for each in patterns)]
            self.assertEqual(len(takers), 1, f"{there}: {takers}")

    def test_what_was_installed_is_uninstalled(self):
        build = os.environ["RAMIE_BUILD"]
        with tempfile.TemporaryDirectory() as place:
            run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", place])
            installed = [each for each in pathlib.Path(place).rglob("*") if not each.is_dir()]
            self.assertGreater(len(installed), 100)
            run(["ninja", "-C", build, "uninstall"])
            self.assertEqual([str(each) for each in pathlib.Path(place).rglob("*") if each.is_symlink() or not each.is_dir()], [])

    def test_scripts_and_recipes_are_well_formed(self):
        for script in ("build-deb", "check-deb"):
            run(["bash", "-n", PACKAGING / script])
            self.assertTrue(os.access(PACKAGING / script, os.X_OK))
        for file in PACKAGING.rglob("*.py"):
            compile(file.read_text(), str(file), "exec")


if __name__ == "__main__":
    unittest.main()
