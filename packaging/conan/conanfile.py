"""Conan 2: `conan create packaging/conan` builds the checkout that this lies in."""

import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.env import VirtualBuildEnv
from conan.tools.files import copy
from conan.tools.gnu import PkgConfigDeps
from conan.tools.layout import basic_layout
from conan.tools.meson import Meson, MesonToolchain


class RamieRecipe(ConanFile):
    name = "ramie"
    version = "0.1.0"
    license = "BSL-1.0"
    description = "Stackful fibers with join and abort for C++23"
    topics = ("fibers", "coroutines", "concurrency", "networking")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "tls": [True, False], "hook": [True, False]}
    default_options = {"shared": True, "tls": True, "hook": True}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        for part in ("fibers/*", "runtime/*", "io/*", "packaging/*", "meson.build", "meson_options.txt", "LICENSE"):
            copy(self, part, root, self.export_sources_folder)

    def validate(self):
        if self.settings.os != "Linux":
            from conan.errors import ConanInvalidConfiguration

            raise ConanInvalidConfiguration("Ramie is for Linux")
        check_min_cppstd(self, "23")

    def requirements(self):
        self.requires("boost/[>=1.74]")  # only Boost.Context
        self.requires("libuv/[>=1.40]")
        if self.options.tls:
            self.requires("openssl/[>=3.0]")

    def build_requirements(self):
        self.tool_requires("meson/[>=1.0.1]")
        self.tool_requires("pkgconf/[>=1.9]")

    def layout(self):
        basic_layout(self)

    def generate(self):
        VirtualBuildEnv(self).generate()
        PkgConfigDeps(self).generate()
        toolchain = MesonToolchain(self)
        toolchain.project_options.update({
            "tests": False, "samples": False, "bench": False,
            "tls": "enabled" if self.options.tls else "disabled",
            "hook": bool(self.options.hook),
        })
        # Meson looks for Boost by itself, not by pkg-config.
        toolchain.properties["boost_root"] = self.dependencies["boost"].package_folder
        toolchain.generate()

    def build(self):
        meson = Meson(self)
        meson.configure()
        meson.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        Meson(self).install()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "Ramie")
        ramie = self.cpp_info.components["ramie"]
        ramie.set_property("cmake_target_name", "Ramie::ramie")
        ramie.set_property("pkg_config_name", "ramie")
        # Both are installed; the linker would take the shared one.
        ramie.libs = ["ramie"] if self.options.shared else [":libramie.a"]
        # So that a large local array never jumps over a fiber's guard.
        ramie.cxxflags = ["-fstack-clash-protection"]
        ramie.system_libs = ["pthread", "dl"]
        ramie.requires = ["boost::context", "libuv::libuv"] + (["openssl::ssl", "openssl::crypto"] if self.options.tls else [])
        if self.options.hook:
            hook = self.cpp_info.components["hook"]
            hook.set_property("cmake_target_name", "Ramie::hook")
            hook.set_property("pkg_config_name", "ramie-hook")
            hook.requires = ["ramie"]
            # A program uses nothing of it by name, so the linker would leave it out.
            flags = ["-Wl,--push-state,--no-as-needed", "-lramie-hook", "-Wl,--pop-state"]
            hook.sharedlinkflags = flags
            hook.exelinkflags = flags
