// ramie::posix::read and write on files that are no socket, pipe or regular file: a message stays one message, and
// files that cannot be waited for are not waited for.
#include "libc/libc_calls.hpp"
#include "plain_fds.hpp"

#include <ramie/posix.hpp>

#include <array>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

using namespace ramie::testing;
namespace posix = ramie::posix;

namespace {

int signal_descriptor() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGURG);
    return ::signalfd(-1, &set, SFD_CLOEXEC);
}

struct kind {
    std::string name;
    std::function<int()> open;
};
std::vector<kind> const kinds = {
    {"timerfd", [] { return ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC); }},
    {"signalfd", signal_descriptor},
    {"inotify", [] { return ::inotify_init1(IN_CLOEXEC); }},
    {"epoll", [] { return ::epoll_create1(EPOLL_CLOEXEC); }},
    {"pidfd", [] { return static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)); }},
    {"fanotify", [] { return ::fanotify_init(FAN_CLOEXEC, O_RDONLY); }},  // only root may
    {"eventfd", [] { return ::eventfd(0, EFD_CLOEXEC); }},
    {"/dev/null", [] { return ::open("/dev/null", O_RDWR | O_CLOEXEC); }},
    {"/dev/zero", [] { return ::open("/dev/zero", O_RDWR | O_CLOEXEC); }},
    {"/dev/full", [] { return ::open("/dev/full", O_RDWR | O_CLOEXEC); }},
    {"/dev/random", [] { return ::open("/dev/random", O_RDWR | O_CLOEXEC); }},
    {"/dev/loop-control", [] { return ::open("/dev/loop-control", O_RDWR | O_CLOEXEC); }},
    {"/dev/fuse", [] { return ::open("/dev/fuse", O_RDWR | O_CLOEXEC); }},
};

// A part of libc for this test: no file supports RWF_NOWAIT, all are ready, and writes are noted.
struct noted_writes {
    std::vector<std::size_t> calls;  // the bytes of each
};
noted_writes* notes = nullptr;

class faked_libc {
  public:
    explicit faked_libc(noted_writes& to) : table_(ramie::detail::libc()) {
        notes = &to;
        table_.pwritev2 = [](int, iovec const*, int, off_t, int) -> ssize_t {
            errno = EOPNOTSUPP;
            return -1;
        };
        table_.poll = [](pollfd* fds, nfds_t, int) {
            fds->revents = fds->events;
            return 1;
        };
        table_.writev = [](int, iovec const* parts, int count) -> ssize_t {
            auto const size =
                std::accumulate(parts, parts + count, std::size_t{0}, [](auto n, auto& p) { return n + p.iov_len; });
            notes->calls.push_back(size);
            return static_cast<ssize_t>(size);
        };
        table_.write = [](int, void const*, std::size_t size) {
            notes->calls.push_back(size);
            return static_cast<ssize_t>(size);
        };
        before_ = ramie::detail::libc_in_use.exchange(&table_);
    }
    faked_libc(faked_libc const&) = delete;
    faked_libc& operator=(faked_libc const&) = delete;
    ~faked_libc() { ramie::detail::libc_in_use.store(before_); }

  private:
    ramie::detail::libc_calls table_;
    ramie::detail::libc_calls const* before_;
};

std::vector<std::size_t> writes_to(int fd) {
    noted_writes noted;
    faked_libc const faked(noted);
    std::array<char, 1000> b{};
    iovec const parts[2] = {{b.data(), 8}, {b.data() + 8, 992}};
    CHECK(posix::writev(fd, parts, 2) == 1000);
    return noted.calls;
}

}  // namespace

TEST_CASE("posix: what cannot be written or read so says what it says to a thread, and at once") {
    for (auto const& each : kinds) {
        CAPTURE(each.name);
        two_fds const fd(each.open(), -1);
        if (fd.here < 0) {
            MESSAGE(each.name << " cannot be had here");
            continue;
        }
        std::array<char, 64> b{};
        iovec const parts[2] = {{b.data(), 5}, {b.data() + 5, 4}};
        std::vector<said> expected, got;
        auto const all = [&](auto& to, auto write, auto writev, auto read) {
            to.push_back(result_of([&] { return write(fd.here, b.data(), 5); }));
            to.push_back(result_of([&] { return writev(fd.here, parts, 2); }));
            if (each.name != "fanotify" && each.name != "inotify")  // these wait
                to.push_back(result_of([&] { return read(fd.here, b.data(), 5); }));
        };
        std::thread([&] { all(expected, ::write, ::writev, ::read); }).join();
        ramie::run({.current_thread = true},
                   [&] { (void)ramie::timeout(3s, [&] { all(got, posix::write, posix::writev, posix::read); }); });
        CHECK(got == expected);
    }
}

TEST_CASE("posix: a message is written whole, also where it must be asked for room; a stream in parts that fit") {
    ramie::run({.current_thread = true}, [] {
        two_fds const timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), -1);
        CHECK(writes_to(timer.here) == std::vector<std::size_t>{1000});
        two_fds const terminal(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), -1);
        if (terminal.here >= 0) CHECK(writes_to(terminal.here) == std::vector<std::size_t>{8, 256, 256, 256, 224});
        auto const pipe = pipe_pair();
        CHECK(writes_to(pipe.there) == std::vector<std::size_t>{1000});  // bytes of other writers must not come between
    });
}

TEST_CASE("posix: an eventfd takes numbers, and is itself waited for when it has no room for them") {
    ramie::runtime one({.current_thread = true});
    one.block_on([&] {
        two_fds const counter(::eventfd(0, EFD_CLOEXEC), -1);
        std::uint64_t value = 5, got = 0, most = ~std::uint64_t{0} - 1;
        iovec const twice[2] = {{&value, 8}, {&value, 8}};
        CHECK(posix::writev(counter.here, twice, 2) == 16);
        CHECK(posix::read(counter.here, &got, 8) == 8);
        CHECK(got == 10);
        CHECK(posix::write(counter.here, &most, 8) == 8);
        auto waiting = parked([&] { return posix::write(counter.here, &value, 8); });
        CHECK(!waiting.is_finished());
        CHECK(posix::read(counter.here, &got, 8) == 8);
        CHECK(got == most);
        CHECK(waiting.get() == 8);
        CHECK(posix::read(counter.here, &got, 8) == 8);
        CHECK(got == 5);
    });
    CHECK(one.metrics().blocking_threads == 0);
}

TEST_CASE("posix: /dev/kmsg, which never says that it may be written to, takes a message, and gives it back whole") {
    two_fds const log(::open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC), -1);
    two_fds const writer(::open("/dev/kmsg", O_WRONLY | O_CLOEXEC), -1);
    if (log.here < 0 || writer.here < 0) {
        MESSAGE("skipped: /dev/kmsg cannot be written to");
        return;
    }
    ::lseek(log.here, 0, SEEK_END);
    auto const text = "<7>ramie's tests, process " + std::to_string(::getpid()) + ": " + std::string(700, 'm') + "\n";
    said answer{};
    std::string head = text.substr(0, 300), rest = text.substr(300);
    iovec const parts[2] = {{head.data(), head.size()}, {rest.data(), rest.size()}};
    ramie::run({.current_thread = true}, [&] {
        (void)ramie::timeout(3s, [&] { answer = result_of([&] { return posix::writev(writer.here, parts, 2); }); });
    });
    CHECK(answer == said{static_cast<long>(text.size()), 0});
    std::array<char, 8192> record;
    bool found = false;
    for (ssize_t n; (n = ::read(log.here, record.data(), record.size())) > 0;) {
        std::string const all(record.data(), static_cast<std::size_t>(n));
        found |= all.find(text.substr(3)) != all.npos;
    }
    CHECK(found);
}
