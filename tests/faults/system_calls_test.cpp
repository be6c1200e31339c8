// Every system call that a mixed program makes fails once, the first, the second, and so on to the last, with every error that it
// can have: whoever asked for what needed it is told, or nobody notices; the runtime goes on, and nothing is left behind.
#include "chance.hpp"
#include "failing_new.hpp"
#include "mixed_program.hpp"
#include "refused_calls.hpp"
#include "tracked.hpp"
#include "sanitized.hpp"

#include <ramie/detail/stack/stack.hpp>
#include <ramie/runtime.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/futex.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

using namespace ramie::testing;

namespace {

// How the child ends.
enum : int { fine = 0, not_reached = 10, unasked_failure, does_not_go_on, wrong, leaks };

// --- the child ---

// As the parent knows it: errno's number, or the category's name before it; "bad_alloc".
std::string code_in(std::exception const& e) {
    if (dynamic_cast<std::bad_alloc const*>(&e) != nullptr) return "bad_alloc";
    auto const* const known = dynamic_cast<std::system_error const*>(&e);
    if (known == nullptr) return "no code";
    auto const& code = known->code();
    auto const number = std::to_string(code.value());
    bool const is_errno = code.category() == std::system_category() || code.category() == std::generic_category();
    return is_errno ? number : code.category().name() + (" " + number);
}

class trial {
  public:
    // ends_early: if nothing was refused, for there were not so many calls.
    trial(refused_so_far const& told, ramie::runtime_options how, bool ends_early)
        : told_(told), how_(std::move(how)), ends_early_(ends_early) {}

    int run() {
        try {
            auto const first = a_runtime();
            if (told_.count == 0) {
                if (first) return unasked_failure;
                if (ends_early_) return not_reached;
            }
            if (a_runtime()) return does_not_go_on;
        } catch (wrong_answer const& e) {
            std::printf("wrong: %s\n", e.what());
            return wrong;
        }
        if (tracked::alive() != 0) {
            std::printf("%ld tracked values are left\n", static_cast<long>(tracked::alive()));
            return leaks;
        }
        say_what_is_left();
        return fine;
    }

  private:
    // Whether something failed.
    bool a_runtime() {
        bool failed = false;
        auto const say = [&](char const* what, std::exception const& e) {
            std::printf("%s: %s\ntold: %s: %s\n", what, e.what(), what, code_in(e).c_str());
            failed = true;
        };
        try {
            ramie::runtime rt(how_);
            for (int round = 0; round < 2; ++round) {
                auto const before = told_.count.load();
                bool round_failed = false;
                rt.block_on([&] {
                    run_mixed([&](mixed_step const& step, std::exception_ptr why) {
                        round_failed = true;
                        try {
                            std::rethrow_exception(why);
                        } catch (wrong_answer const& e) {
                            throw wrong_answer(std::string(step.name) + ": " + e.what());
                        } catch (std::exception const& e) { say(step.name, e); }
                    });
                });
                if (rt.metrics().live_tasks > 1) throw wrong_answer("tasks are left");  // one may be about to go
                if (told_.count == before) {
                    if (round_failed) throw wrong_answer("a round fails though nothing was refused in it");
                    break;
                }
            }
        } catch (std::bad_alloc const& e) {
            say("a runtime", e);
        } catch (std::system_error const& e) {
            say("a runtime", e);
        }
        return failed;
    }

    // Once the thread is gone that looks after a child that was left behind.
    void say_what_is_left() const {
        auto const count = [](char const* path) {
            return std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator());
        };
        for (int i = 0; i < 2000 && count("/proc/self/task") > 1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        // How many slabs of stacks there are depends on how many tasks wait at once. Each has a record and a table.
        bool const has_children = ::waitid(P_ALL, 0, nullptr, WEXITED | WNOHANG | WNOWAIT) == 0;
        auto const blocks = blocks_alive() - blocks_before_ - 2 * static_cast<long>(ramie::detail::stack_statistics().slabs);
        std::printf("left: %ld threads, %ld descriptors%s\nblocks: %ld\n", static_cast<long>(count("/proc/self/task")),
                    static_cast<long>(count("/proc/self/fd")), has_children ? ", children" : "", blocks);
    }

    refused_so_far const& told_;
    ramie::runtime_options how_;
    bool ends_early_;
    long blocks_before_ = blocks_alive();
};

// --- the parent ---

struct row {
    char const* name;
    std::vector<int> calls;
    std::vector<int> errors;
    bool (*concerns)(seccomp_data const&) = nullptr;
    std::size_t spared = 0;  // the call by this number is not refused
    // What a step may be told instead of the error: how the line ends.
    std::vector<std::pair<int, std::string>> instead = {};
};

// glibc ends the process if it cannot unmap one.
bool is_a_threads_stack(std::size_t bytes) {
    pthread_attr_t usual;
    std::size_t size = 0, guard = 0;
    ::pthread_getattr_default_np(&usual);
    ::pthread_attr_getstacksize(&usual, &size);
    ::pthread_attr_getguardsize(&usual, &guard);
    ::pthread_attr_destroy(&usual);
    return bytes == size || bytes == size + guard;
}

bool advises(seccomp_data const& d, std::initializer_list<unsigned> those) {
    for (auto const each : those)
        if (d.args[2] == each) return true;
    return false;
}

// Linux's number; the C library's headers may be older than the kernel.
constexpr unsigned madv_guard_install = 102;

std::vector<row> const& rows() {
    // What pthread_create says where there is no memory.
    std::pair<int, std::string> const no_thread{ENOMEM, ": " + std::to_string(EAGAIN)};
    // That connection is lost, the next one may not be: so accept waits, and the other side sees that it is closed.
    std::string const closed = "tcp: " + std::to_string(ECONNRESET);
    static std::vector<row> const all{
        {"mmap", {SYS_mmap}, {ENOMEM}, nullptr, 0, {no_thread}},
        {"munmap", {SYS_munmap}, {ENOMEM}, [](auto const& d) { return !is_a_threads_stack(d.args[1]); }},
        {"mprotect", {SYS_mprotect}, {ENOMEM}, nullptr, 0, {no_thread}},
        {"madvise", {SYS_madvise}, {ENOMEM, EAGAIN}},
        {"madvise that an old kernel does not know", {SYS_madvise}, {EINVAL},
         [](auto const& d) { return advises(d, {MADV_NOHUGEPAGE, MADV_WIPEONFORK, madv_guard_install}); }},
        {"clone3", {SYS_clone3}, {EAGAIN, ENOMEM, ENOSYS}, nullptr, 0, {no_thread}},
        {"eventfd2", {SYS_eventfd2}, {EMFILE, ENFILE, ENOMEM, ENODEV}},
        {"epoll_create1", {SYS_epoll_create1}, {EMFILE, ENFILE, ENOMEM}},
        {"epoll_ctl, adding", {SYS_epoll_ctl}, {ENOMEM, ENOSPC}, [](auto const& d) { return d.args[1] == EPOLL_CTL_ADD; }, 0,
         {{ENOMEM, closed}, {ENOSPC, closed}}},
        {"epoll_wait", {SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2}, {EINTR}},
        {"epoll_pwait2", {SYS_epoll_pwait2}, {ENOSYS}},
        {"timerfd_create", {SYS_timerfd_create}, {EMFILE, ENFILE, ENOMEM, ENODEV}},
        {"futex, waiting", {SYS_futex}, {EINTR, EAGAIN},
         [](auto const& d) {
             auto const what = d.args[1] & FUTEX_CMD_MASK;
             return what == FUTEX_WAIT || what == FUTEX_WAIT_BITSET;
         }},
        {"membarrier", {SYS_membarrier}, {ENOMEM, EPERM, ENOSYS}},
        {"socket", {SYS_socket, SYS_socketpair}, {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT}},
        {"bind", {SYS_bind}, {EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOMEM}},
        {"listen", {SYS_listen}, {EADDRINUSE}},
        {"connect", {SYS_connect}, {ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, ETIMEDOUT}},
        {"accept4", {SYS_accept4}, {EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EPERM, EPROTO}},
        {"getsockname", {SYS_getsockname}, {ENOBUFS}},
        {"setsockopt", {SYS_setsockopt}, {ENOMEM, ENOPROTOOPT}},
        {"shutdown", {SYS_shutdown}, {ENOTCONN}},
        {"sending", {SYS_sendto, SYS_sendmsg, SYS_sendmmsg}, {EINTR, ECONNRESET, EPIPE, ENOBUFS, ENOMEM}},
        {"receiving", {SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg}, {EINTR, ECONNRESET, ETIMEDOUT, ENOMEM}},
        {"pipe2", {SYS_pipe2}, {EMFILE, ENFILE}, nullptr, 2},  // the second is libuv's first, which ends the process
        {"fcntl, copying", {SYS_fcntl}, {EMFILE}, [](auto const& d) { return d.args[1] == F_DUPFD_CLOEXEC; }},
        {"pidfd_open", {SYS_pidfd_open}, {EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS}},
        {"waiting for children", {SYS_wait4, SYS_waitid}, {EINTR}},
        {"what a sandbox may miss", {SYS_prctl, SYS_sched_getaffinity, SYS_sigaltstack}, {ENOSYS, EPERM}},
        // The C library takes a file that it cannot read for one without the name; resolve() knows better only of a lack.
        {"openat", {SYS_openat}, {EMFILE, ENFILE, ENOMEM, EINTR}, nullptr, 0, {{EINTR, "resolve: ramie.resolve " + std::to_string(EAI_NONAME)}}},
    };
    return all;
}

char const* name_of(int status) {
    switch (status) {
    case unasked_failure: return "it fails though nothing was refused";
    case does_not_go_on: return "it does not go on after the refusal";
    case wrong: return "a wrong answer";
    case leaks: return "values are left";
    default: return "it ended badly";
    }
}

std::string first_line(std::string const& output, std::string const& from) {
    auto const at = output.find(from);
    return at == std::string::npos ? "" : output.substr(at, output.find('\n', at) - at);
}

// Whether no more is left than was left where nothing was refused.
bool is_as_clean(std::string const& output, std::string const& calm) {
    auto const blocks_in = [](std::string const& text) { return std::atol(first_line(text, "blocks: ").c_str() + std::strlen("blocks: ")); };
    return first_line(output, "left: ") == first_line(calm, "left: ") && blocks_in(output) <= blocks_in(calm);
}

// Whoever failed was told the error that was refused, or the row says what else.
void check_what_was_told(row const& r, int error, std::string const& output) {
    std::istringstream lines(output);
    constexpr std::string_view beginning = "told: ";
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(beginning)) continue;
        line.erase(0, beginning.size());
        bool const is_it = line.ends_with(": " + std::to_string(error)) || (error == ENOMEM && line.ends_with(": bad_alloc"));
        bool const may_be = std::ranges::any_of(r.instead, [&](auto const& each) { return each.first == error && line.ends_with(each.second); });
        CHECK_MESSAGE((is_it || may_be), "told something else: " << line);
    }
}

struct tally {
    std::size_t runs = 0, calls = 0;
};

// Until the program makes fewer calls than n. False: this cannot be tested here.
bool refuse_each(row const& r, int error, ramie::runtime_options const& how, std::size_t most, tally& done) {
    auto const child = [&](refused_so_far const& told) { return trial(told, how, true).run(); };
    auto const calm = run_refused({r.calls, r.concerns}, [&](refused_so_far const& told) { return trial(told, how, false).run(); });
    if (!calm) return false;
    REQUIRE_MESSAGE(calm->exited_with(fine), "status " << calm->status << ": " << calm->output << calm->hangs);
    // All, or so many, evenly. (It was two runtimes, and the second makes no more calls than the first.)
    auto const step = std::max<std::size_t>(1, calm->calls / 2 / most);
    for (std::size_t n = 1; n <= calm->calls; n += step) {
        if (n == r.spared) continue;
        auto end = run_refused({r.calls, r.concerns, error, n}, child);
        // A few caches grow with how many tasks and threads there happened to be at once: only what is left each time is a leak.
        for (int again = 0; again < 3 && end && end->exited_with(fine) && !is_as_clean(end->output, calm->output); ++again)
            end = run_refused({r.calls, r.concerns, error, n}, child);
        if (!end) return false;
        ++done.runs;
        INFO(std::string(r.name) << ", " << std::string(std::strerror(error)) << ", call " << n << " of about " << calm->calls);
        INFO(end->output);
        CHECK_MESSAGE(end->hangs.empty(), "it hangs:\n" << end->hangs);
        if (!end->hangs.empty()) continue;
        if (end->exited_with(not_reached)) break;
        done.calls = std::max(done.calls, n);
        if (WIFSIGNALED(end->status)) {
            CHECK_MESSAGE(false, "killed by signal " << WTERMSIG(end->status));
            continue;
        }
        CHECK_MESSAGE(end->exited_with(fine), name_of(WEXITSTATUS(end->status)));
        if (end->exited_with(fine)) CHECK_MESSAGE(is_as_clean(end->output, calm->output), "more is left than usual:\n" << calm->output);
        check_what_was_told(r, error, end->output);
    }
    return true;
}

constexpr std::size_t everything = 1'000'000;

struct bounds {
    std::size_t calls, errors;  // of each row
};

void refuse_each(ramie::runtime_options const& how, bounds most) {
    if (scale() > 1) most = {everything, everything};
    char const* const only = std::getenv("RAMIE_TEST_ROW");
    for (auto const& r : rows()) {
        if (only != nullptr && std::string(r.name).find(only) == std::string::npos) continue;
        tally done;
        auto const errors = std::min(r.errors.size(), most.errors);
        for (std::size_t i = 0; i < errors; ++i)
            if (!refuse_each(r, r.errors[i], how, most.calls, done)) return;
        if (std::getenv("RAMIE_TEST_FIGURES") != nullptr)
            std::printf("| %s | %zu | %zu | %zu |\n", r.name, done.calls, errors, done.runs);
    }
}

}  // namespace

TEST_CASE("system calls: whichever fails, its caller is told, in a current_thread runtime (forks)") {
    if (!sanitized) refuse_each({.current_thread = true}, {16, everything});
}

TEST_CASE("system calls: whichever fails, its caller is told, with two workers (forks)") {
    if (!sanitized) refuse_each({.workers = 2}, {16, 1});
}
