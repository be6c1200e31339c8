"""The source of a Debian package, from where the machine has its packages. Its apt configuration is read and not changed: the same
places are asked for sources, with lists of our own."""

import os
import pathlib
import re
import shutil
import subprocess


class NotToBeHad(Exception):
    """Says why."""


def places():
    """The files of the machine's own package sources: the one that lists single lines, and a folder of further ones."""
    names = {"list": "Dir::Etc::sourcelist/f", "parts": "Dir::Etc::sourceparts/d"}
    said = subprocess.run(["apt-config", "shell", *(word for pair in names.items() for word in pair)], capture_output=True, text=True)
    found = dict(re.findall(r"^(\w+)='(.*)'$", said.stdout, re.MULTILINE))
    files = [pathlib.Path(found.get("list", "/nowhere"))]
    folder = pathlib.Path(found.get("parts", "/nowhere"))
    if folder.is_dir():
        files += sorted(file for file in folder.iterdir() if file.suffix in (".list", ".sources"))
    return [file for file in files if file.is_file()]


def asking_for_sources(text, is_deb822):
    if is_deb822:
        return re.sub(r"^Types:.*$", "Types: deb-src", text, flags=re.MULTILINE)
    lines = (line for line in text.splitlines() if re.match(r"\s*deb\s", line))
    return "".join(re.sub(r"^\s*deb\s", "deb-src ", line) + "\n" for line in lines)


def call(command, folder):
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


def fetch(package, into):
    """The folder with the unpacked source in it; what is there already is not fetched again."""
    into = pathlib.Path(into).resolve()
    there = into / package
    if there.is_dir():
        return there
    for tool in ("apt-get", "apt-config", "dpkg-source"):
        if shutil.which(tool) is None:
            raise NotToBeHad(f"{tool} is not installed")
    apt = into / "apt"
    for folder in ("parts", "lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(places()):
        (apt / "parts" / f"{number}{file.suffix}").write_text(asking_for_sources(file.read_text(), file.suffix == ".sources"))
    ours = {"Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": apt / "parts", "Dir::State::lists": apt / "lists",
            "Dir::Cache": apt / "cache", "APT::Sandbox::User": "root", "Acquire::Retries": "0", "Acquire::http::Timeout": "30"}
    options = [word for key, value in ours.items() for word in ("-o", f"{key}={value}")]
    unpacked = into / f"{package}.new"
    for first in (True, False):  # the second time with lists that are not old, or there at all
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir()
        well, said = call(["apt-get", *options, "source", "-q", package], unpacked)
        if well:
            break
        if first:
            call(["apt-get", *options, "update", "-q"], into)
    else:
        raise NotToBeHad("apt-get source: " + (said.strip().splitlines() or ["it failed"])[-1])
    (source,) = (each for each in unpacked.iterdir() if each.is_dir())
    source.rename(there)
    shutil.rmtree(unpacked)
    return there


def patched(source, patch, into):
    """A copy of the source, with the patch applied."""
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(source, into, symlinks=True, ignore=shutil.ignore_patterns(".pc"))
    well, said = call(["patch", "-p1", "--forward", "--input", os.path.abspath(patch)], into)
    if not well:
        raise NotToBeHad(f"{os.path.basename(patch)} does not fit this version: {said.strip()}")
    return into
