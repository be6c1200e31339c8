// Scenes of calls on files, pipes and locks.
#include "covered_calls.hpp"

#include "plain_fds.hpp"
#include "temp_directory.hpp"

#include <fstream>
#include <memory>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

using namespace ramie::testing;

namespace {

using opens = std::function<int(char const* path, int flags)>;

// A reader that waits for a writer.
covered_call opens_fifo(char const* name, opens call, int flags = O_RDONLY | O_CLOEXEC) {
    return {name, [=] {
                auto const directory = std::make_shared<temp_directory>();
                auto const path = *directory / "fifo";
                REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
                bool const reads = (flags & O_ACCMODE) == O_RDONLY;
                return waiting_scene{[=] {
                                         two_fds const opened(call(path.c_str(), flags), -1);
                                         (void)directory;
                                         return error_of(opened.here);
                                     },
                                     [=] {
                                         // Opens the other end; if the first end is only about to be opened, there is
                                         // no reader yet.
                                         for (int i = 0; i < 1000; ++i) {
                                             two_fds const other(
                                                 ::open(path.c_str(), (reads ? O_WRONLY : O_RDONLY) | O_NONBLOCK), -1);
                                             if (other.here >= 0 && reads) return;
                                             ::usleep(1000);
                                         }
                                     }};
            }};
}

// A file of some length, open twice: two owners of locks.
struct shared_file {
    temp_directory directory;
    two_fds fds{-1, -1};
    explicit shared_file(std::size_t size = 100) {
        auto const path = directory / "file";
        std::ofstream(path) << std::string(size, 'x');
        fds.here = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        fds.there = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        REQUIRE(fds.there >= 0);
    }
};

struct flock whole(short type) {
    struct flock l {};
    l.l_type = type;
    l.l_whence = SEEK_SET;
    return l;
}

// The lock of an open file also excludes the process's lock.
covered_call locks(char const* name, std::function<int(int fd)> call) {
    return {name, [=] {
                auto const file = std::make_shared<shared_file>();
                auto held = whole(F_WRLCK);
                REQUIRE(::fcntl(file->fds.there, F_OFD_SETLK, &held) == 0);
                return waiting_scene{[=] { return call(file->fds.here); },
                                     [=] {
                                         auto given = whole(F_UNLCK);
                                         ::fcntl(file->fds.there, F_OFD_SETLK, &given);
                                     }};
            }};
}

covered_call in_file(char const* name, std::function<int(int fd)> call) {
    return {name, [=] {
                auto const file = std::make_shared<shared_file>();
                return waiting_scene{[=] { return call(file->fds.here); }, [] {}};
            }};
}

// Pipes: `from` is empty; `to` has room.
struct two_pipes {
    two_fds from = pipe_pair(), to = pipe_pair();
};
covered_call between_pipes(char const* name, std::function<int(int from, int to)> call) {
    return {name, [=] {
                auto const pipes = std::make_shared<two_pipes>();
                return waiting_scene{[=] { return call(pipes->from.here, pipes->to.there); },
                                     [=] { (void)!::write(pipes->from.there, "x", 1); }};
            }};
}

void add_opens(std::vector<covered_call>& all) {
    for (auto const* name : {"open", "open64", "__open", "__open64"})
        all.push_back(opens_fifo(name, named<int(char const*, int, ...)>(name)));
    for (auto const* name : {"openat", "openat64"})
        all.push_back(opens_fifo(name, [f = named<int(int, char const*, int, ...)>(name)](char const* path, int flags) {
            return f(AT_FDCWD, path, flags);
        }));
    for (auto const* name : {"__open_2", "__open64_2"})
        all.push_back(opens_fifo(name, named<int(char const*, int)>(name)));
    for (auto const* name : {"__openat_2", "__openat64_2"})
        all.push_back(opens_fifo(name, [f = named<int(int, char const*, int)>(name)](char const* path, int flags) {
            return f(AT_FDCWD, path, flags);
        }));
    for (auto const* name : {"creat", "creat64"})
        all.push_back(opens_fifo(
            name, [f = named<int(char const*, mode_t)>(name)](char const* path, int) { return f(path, 0600); },
            O_WRONLY));
}

void add_locks(std::vector<covered_call>& all) {
    all.push_back({"flock", [] {
                       auto const file = std::make_shared<shared_file>();
                       REQUIRE(::flock(file->fds.there, LOCK_EX) == 0);
                       return waiting_scene{[=] { return error_of(::flock(file->fds.here, LOCK_EX)); },
                                            [=] { ::flock(file->fds.there, LOCK_UN); }};
                   }});
    for (auto const* name : {"lockf", "lockf64"})
        all.push_back(locks(name, [f = named<int(int, int, off_t)>(name)](int fd) {
            return error_of(f(fd, F_LOCK, 0));
        }));
    for (auto const* name : {"fcntl", "fcntl64", "__fcntl"})
        all.push_back(locks(name, [f = named<int(int, int, ...)>(name)](int fd) {
            auto wanted = whole(F_WRLCK);
            return error_of(f(fd, F_SETLKW, &wanted));
        }));
    all.push_back({"fcntl(F_OFD_SETLKW)", [] {
                       auto const file = std::make_shared<shared_file>();
                       auto held = whole(F_WRLCK);
                       REQUIRE(::fcntl(file->fds.there, F_OFD_SETLK, &held) == 0);
                       return waiting_scene{[=] {
                                                auto wanted = whole(F_WRLCK);
                                                return error_of(::fcntl(file->fds.here, F_OFD_SETLKW, &wanted));
                                            },
                                            [=] {
                                                auto given = whole(F_UNLCK);
                                                ::fcntl(file->fds.there, F_OFD_SETLK, &given);
                                            }};
                   }});
}

void add_positioned(std::vector<covered_call>& all) {
    for (auto const* name : {"pread", "pread64", "__pread64"})
        all.push_back(in_file(name, [f = named<ssize_t(int, void*, size_t, off_t)>(name)](int fd) {
            char b;
            return error_of(f(fd, &b, 1, 0));
        }));
    for (auto const* name : {"__pread_chk", "__pread64_chk"})
        all.push_back(in_file(name, [f = named<ssize_t(int, void*, size_t, off_t, size_t)>(name)](int fd) {
            char b;
            return error_of(f(fd, &b, 1, 0, 1));
        }));
    for (auto const* name : {"pwrite", "pwrite64", "__pwrite64"})
        all.push_back(in_file(name, [f = named<ssize_t(int, void const*, size_t, off_t)>(name)](int fd) {
            return error_of(f(fd, "x", 1, 0));
        }));
    for (auto const* name : {"preadv", "preadv64", "pwritev", "pwritev64"})
        all.push_back(in_file(name, [f = named<ssize_t(int, iovec const*, int, off_t)>(name)](int fd) {
            char b = 'x';
            iovec const part{&b, 1};
            return error_of(f(fd, &part, 1, 0));
        }));
    for (auto const* name : {"preadv64v2", "pwritev64v2"})
        all.push_back(in_file(name, [f = named<ssize_t(int, iovec const*, int, off_t, int)>(name)](int fd) {
            char b = 'x';
            iovec const part{&b, 1};
            return error_of(f(fd, &part, 1, 0, 0));
        }));
    all.push_back(in_file("copy_file_range", [](int fd) {
        off_t from = 0, to = 200;
        return error_of(::copy_file_range(fd, &from, fd, &to, 10, 0));
    }));
}

void add_transfers(std::vector<covered_call>& all) {
    for (auto const* name : {"sendfile", "sendfile64"})
        all.push_back({name, [f = named<ssize_t(int, int, off_t*, size_t)>(name)] {
                           constexpr std::size_t much = 4'000'000;
                           auto const file = std::make_shared<shared_file>(much);
                           auto const ends = std::shared_ptr<two_fds>(new two_fds(socket_pair()));
                           return waiting_scene{[=] {
                                                    off_t from = 0;
                                                    auto const n = f(ends->here, file->fds.here, &from, much);
                                                    if (n < 0) return errno;
                                                    return n == much ? 0 : ECANCELED;  // bytes sent count
                                                },
                                                [=] {
                                                    std::vector<char> some(much);
                                                    for (std::size_t n = 0; n < much;)
                                                        n += static_cast<std::size_t>(
                                                            ::read(ends->there, some.data(), some.size()));
                                                }};
                       }});
    all.push_back(between_pipes(
        "splice", [](int from, int to) { return error_of(::splice(from, nullptr, to, nullptr, 1, 0)); }));
    all.push_back(between_pipes("tee", [](int from, int to) { return error_of(::tee(from, to, 1, 0)); }));
    all.push_back({"vmsplice", [] {
                       auto const pipe = std::shared_ptr<two_fds>(new two_fds(pipe_pair()));
                       static char const some[4096]{};
                       ::fcntl(pipe->there, F_SETFL, O_NONBLOCK);
                       while (::write(pipe->there, some, sizeof some) > 0) {}
                       ::fcntl(pipe->there, F_SETFL, 0);
                       return waiting_scene{[=] {
                                                iovec const part{const_cast<char*>(some), sizeof some};
                                                return error_of(::vmsplice(pipe->there, &part, 1, 0));
                                            },
                                            [=] {
                                                char read[8192];
                                                (void)!::read(pipe->here, read, sizeof read);
                                            }};
                   }});
}

}  // namespace

std::vector<covered_call> ramie::testing::covered_file_calls() {
    std::vector<covered_call> all;
    add_opens(all);
    add_locks(all);
    add_positioned(all);
    add_transfers(all);
    return all;
}
