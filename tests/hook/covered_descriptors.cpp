// Scenes of calls on descriptors, and of sleeps.
#include "covered_calls.hpp"

#include "net/full_listener.hpp"
#include "plain_fds.hpp"

#include <memory>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <threads.h>

using namespace ramie::testing;

namespace {

using on_fd = std::function<int(int fd)>;

covered_call reads_socket(char const* name, on_fd call) {
    return {name, [call] {
                auto const ends = std::shared_ptr<two_fds>(new two_fds(socket_pair()));
                return waiting_scene{[=] { return call(ends->here); },
                                     [=] { (void)!::write(ends->there, "something", 9); }};
            }};
}
covered_call writes_socket(char const* name, on_fd call) {
    return {name, [call] {
                auto const ends = std::shared_ptr<two_fds>(new two_fds(socket_pair()));
                std::vector<char> much(100'000);
                while (::send(ends->here, much.data(), much.size(), MSG_DONTWAIT) > 0) {}
                while (::send(ends->here, much.data(), 1, MSG_DONTWAIT) > 0) {}
                return waiting_scene{[=] { return call(ends->here); }, [=] {
                                         char some[100'000];
                                         while (::recv(ends->there, some, sizeof some, MSG_DONTWAIT) > 0) {}
                                     }};
            }};
}
// A call that needs no descriptor, and takes longer than any test waits.
covered_call sleeps(char const* name, std::function<int()> call) {
    return {name, [call] { return waiting_scene{call, nullptr}; }};
}

struct one_part {
    char byte = 'x';
    iovec part{&byte, 1};
    msghdr message{};
    one_part() {
        message.msg_iov = &part;
        message.msg_iovlen = 1;
    }
};
fd_set only(int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return set;
}
template <class F>
int in_epoll(int fd, F&& wait) {
    two_fds const set(::epoll_create1(EPOLL_CLOEXEC), -1);
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(set.here, EPOLL_CTL_ADD, fd, &event);
    return error_of(wait(set.here, &event));
}

timespec const long_time{100, 0};

void add_reads(std::vector<covered_call>& all) {
    for (auto const* name : {"read", "__read"})
        all.push_back(reads_socket(name, [f = named<ssize_t(int, void*, size_t)>(name)](int fd) {
            char b;
            return error_of(f(fd, &b, 1));
        }));
    all.push_back(reads_socket("__read_chk", [f = named<ssize_t(int, void*, size_t, size_t)>("__read_chk")](int fd) {
        char b;
        return error_of(f(fd, &b, 1, 1));
    }));
    all.push_back(reads_socket("readv", [](int fd) {
        one_part into;
        return error_of(::readv(fd, &into.part, 1));
    }));
    all.push_back(reads_socket("preadv2", [](int fd) {
        one_part into;
        return error_of(::preadv2(fd, &into.part, 1, -1, 0));
    }));
    for (auto const* name : {"recv", "__recv"})
        all.push_back(reads_socket(name, [f = named<ssize_t(int, void*, size_t, int)>(name)](int fd) {
            char b;
            return error_of(f(fd, &b, 1, 0));
        }));
    all.push_back(
        reads_socket("__recv_chk", [f = named<ssize_t(int, void*, size_t, size_t, int)>("__recv_chk")](int fd) {
            char b;
            return error_of(f(fd, &b, 1, 1, 0));
        }));
    all.push_back(reads_socket("recvfrom", [](int fd) {
        char b;
        return error_of(::recvfrom(fd, &b, 1, 0, nullptr, nullptr));
    }));
    all.push_back(reads_socket("__recvfrom_chk",
                               [f = named<ssize_t(int, void*, size_t, size_t, int, sockaddr*, socklen_t*)>(
                                    "__recvfrom_chk")](int fd) {
                                   char b;
                                   return error_of(f(fd, &b, 1, 1, 0, nullptr, nullptr));
                               }));
    all.push_back(reads_socket("recvmsg", [](int fd) {
        one_part into;
        return error_of(::recvmsg(fd, &into.message, 0));
    }));
    all.push_back(reads_socket("recvmmsg", [](int fd) {
        one_part into;
        mmsghdr many{into.message, 0};
        return error_of(::recvmmsg(fd, &many, 1, 0, nullptr));
    }));
    all.push_back({"eventfd_read", [] {
                       auto const counter = std::make_shared<two_fds>(::eventfd(0, EFD_CLOEXEC), -1);
                       return waiting_scene{[=] {
                                                eventfd_t value = 0;
                                                return error_of(::eventfd_read(counter->here, &value));
                                            },
                                            [=] { ::eventfd_write(counter->here, 1); }};
                   }});
}

void add_writes(std::vector<covered_call>& all) {
    for (auto const* name : {"write", "__write"})
        all.push_back(writes_socket(
            name, [f = named<ssize_t(int, void const*, size_t)>(name)](int fd) { return error_of(f(fd, "x", 1)); }));
    all.push_back(writes_socket("writev", [](int fd) {
        one_part from;
        return error_of(::writev(fd, &from.part, 1));
    }));
    all.push_back(writes_socket("pwritev2", [](int fd) {
        one_part from;
        return error_of(::pwritev2(fd, &from.part, 1, -1, 0));
    }));
    for (auto const* name : {"send", "__send"})
        all.push_back(writes_socket(name, [f = named<ssize_t(int, void const*, size_t, int)>(name)](int fd) {
            return error_of(f(fd, "x", 1, 0));
        }));
    all.push_back(writes_socket("sendto", [](int fd) { return error_of(::sendto(fd, "x", 1, 0, nullptr, 0)); }));
    all.push_back(writes_socket("sendmsg", [](int fd) {
        one_part from;
        return error_of(::sendmsg(fd, &from.message, 0));
    }));
    for (auto const* name : {"sendmmsg", "__sendmmsg"})
        all.push_back(writes_socket(name, [f = named<int(int, mmsghdr*, unsigned, int)>(name)](int fd) {
            one_part from;
            mmsghdr many{from.message, 0};
            return error_of(f(fd, &many, 1, 0));
        }));
    all.push_back({"eventfd_write", [] {
                       auto const counter = std::make_shared<two_fds>(::eventfd(0, EFD_CLOEXEC), -1);
                       REQUIRE(::eventfd_write(counter->here, ~std::uint64_t{0} - 1) == 0);
                       return waiting_scene{[=] { return error_of(::eventfd_write(counter->here, 1)); },
                                            [=] {
                                                eventfd_t value = 0;
                                                ::eventfd_read(counter->here, &value);
                                            }};
                   }});
}

void add_connections(std::vector<covered_call>& all) {
    for (bool const with_flags : {false, true})
        all.push_back({with_flags ? "accept4" : "accept", [=] {
                           auto const listener = std::make_shared<plain_listener>();
                           return waiting_scene{[=] {
                                                    two_fds const in(
                                                        with_flags ? ::accept4(listener->fd, nullptr, nullptr, 0)
                                                                   : ::accept(listener->fd, nullptr, nullptr),
                                                        -1);
                                                    return error_of(in.here);
                                                },
                                                [=] {
                                                    two_fds const out(::socket(AF_INET, SOCK_STREAM, 0), -1);
                                                    ::connect(out.here, listener->name(), sizeof listener->at);
                                                }};
                       }});
    for (auto const* name : {"connect", "__connect"})
        all.push_back({name, [f = named<int(int, sockaddr const*, socklen_t)>(name)] {
                           auto const full = std::make_shared<full_listener>();
                           auto const fd = std::make_shared<two_fds>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1);
                           timeval const limit{0, 300'000};  // otherwise there would never be an answer
                           ::setsockopt(fd->here, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
                           auto const to = full->listener.local_endpoint();
                           return waiting_scene{[=] {
                                                    auto const error = error_of(f(fd->here, to.data(), to.size()));
                                                    (void)full;
                                                    return error == EINPROGRESS ? 0 : error;
                                                },
                                                [] {}};
                       }});
}

void add_polls(std::vector<covered_call>& all) {
    for (auto const* name : {"poll", "__poll"})
        all.push_back(reads_socket(name, [f = named<int(pollfd*, nfds_t, int)>(name)](int fd) {
            pollfd asked{fd, POLLIN, 0};
            return error_of(f(&asked, 1, -1));
        }));
    all.push_back(reads_socket("__poll_chk", [f = named<int(pollfd*, nfds_t, int, size_t)>("__poll_chk")](int fd) {
        pollfd asked{fd, POLLIN, 0};
        return error_of(f(&asked, 1, -1, sizeof asked));
    }));
    all.push_back(reads_socket("ppoll", [](int fd) {
        pollfd asked{fd, POLLIN, 0};
        return error_of(::ppoll(&asked, 1, nullptr, nullptr));
    }));
    all.push_back(reads_socket("__ppoll_chk",
                               [f = named<int(pollfd*, nfds_t, timespec const*, sigset_t const*, size_t)>(
                                    "__ppoll_chk")](int fd) {
                                   pollfd asked{fd, POLLIN, 0};
                                   return error_of(f(&asked, 1, nullptr, nullptr, sizeof asked));
                               }));
    for (auto const* name : {"select", "__select"})
        all.push_back(
            reads_socket(name, [f = named<int(int, fd_set*, fd_set*, fd_set*, timeval*)>(name)](int fd) {
                auto set = only(fd);
                return error_of(f(fd + 1, &set, nullptr, nullptr, nullptr));
            }));
    all.push_back(reads_socket("pselect", [](int fd) {
        auto set = only(fd);
        return error_of(::pselect(fd + 1, &set, nullptr, nullptr, nullptr, nullptr));
    }));
    all.push_back(reads_socket("epoll_wait", [](int fd) {
        return in_epoll(fd, [](int set, epoll_event* event) { return ::epoll_wait(set, event, 1, -1); });
    }));
    all.push_back(reads_socket("epoll_pwait", [](int fd) {
        return in_epoll(fd, [](int set, epoll_event* event) { return ::epoll_pwait(set, event, 1, -1, nullptr); });
    }));
    all.push_back(reads_socket("epoll_pwait2", [](int fd) {
        return in_epoll(fd, [](int set, epoll_event* event) {
            return ::epoll_pwait2(set, event, 1, &long_time, nullptr);
        });
    }));
}

void add_sleeps(std::vector<covered_call>& all) {
    all.push_back(sleeps("sleep", [] { return ::sleep(100) == 0 ? 0 : ended_early; }));
    all.push_back(sleeps("usleep", [] { return error_of(::usleep(100'000'000)); }));
    for (auto const* name : {"nanosleep", "__nanosleep"})
        all.push_back(sleeps(name, [f = named<int(timespec const*, timespec*)>(name)] {
            return error_of(f(&long_time, nullptr));
        }));
    all.push_back(sleeps("clock_nanosleep", [] {
        for (auto const clock : {CLOCK_TAI, CLOCK_MONOTONIC, CLOCK_REALTIME}) {
            timespec const moment{0, 1'000'000};
            if (auto const error = ::clock_nanosleep(clock, 0, &moment, nullptr)) return error;
        }
        return ::clock_nanosleep(CLOCK_BOOTTIME, 0, &long_time, nullptr);
    }));
    all.push_back(sleeps("thrd_sleep", [] { return ::thrd_sleep(&long_time, nullptr) == -1 ? ended_early : 0; }));
}

}  // namespace

std::vector<covered_call> ramie::testing::covered_descriptor_calls() {
    std::vector<covered_call> all;
    add_reads(all);
    add_writes(all);
    add_connections(all);
    add_polls(all);
    add_sleeps(all);
    return all;
}
