#include "own_mounts.hpp"

#include "restricted_world.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace ramie::testing {

namespace {

[[noreturn]] void cannot(std::string const& what) { throw no_such_world{what + ": " + std::strerror(errno)}; }

}  // namespace

void own_mounts() {
    static bool done = false;
    if (done) return;
    auto const user = ::getuid(), group = ::getgid();
    if (::unshare(CLONE_NEWNS) != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) cannot("no mount namespace");
        std::ofstream("/proc/self/setgroups") << "deny";
        std::ofstream("/proc/self/uid_map") << user << " " << user << " 1";
        std::ofstream("/proc/self/gid_map") << group << " " << group << " 1";
    }
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) cannot("mounts of one's own");
    done = true;
}

void hide(char const* directory) {
    own_mounts();
    if (::mount("none", directory, "tmpfs", 0, nullptr) != 0) cannot(std::string("nothing can be mounted over ") + directory);
}

void make_read_only(char const* directory) {
    own_mounts();
    if (::mount(directory, directory, nullptr, MS_BIND | MS_REC, nullptr) != 0 ||
        ::mount(nullptr, directory, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
        cannot(std::string(directory) + " cannot be made read-only");
}

void replace(char const* file, char const* text) {
    own_mounts();
    char name[] = "/tmp/ramie-instead-XXXXXX";
    int const fd = ::mkstemp(name);
    if (fd < 0 || ::write(fd, text, std::strlen(text)) < 0) cannot("no temporary file");
    ::close(fd);
    bool const done = ::mount(name, file, nullptr, MS_BIND, nullptr) == 0;
    auto const error = errno;
    ::unlink(name);
    errno = error;
    if (!done) cannot(std::string("nothing can be mounted over ") + file);
}

}  // namespace ramie::testing
