#include "dump/dump_watch.hpp"

#include "dump/dump_maker.hpp"
#include "dump/signal_dumps.hpp"
#include "dump/standstill.hpp"
#include "scheduler.hpp"
#include "settings/dump_signal.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/switch/calling_out.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace ramie::detail {

namespace {

// --- where the text goes ---

void complain(std::string const& what) { std::fprintf(stderr, "ramie: %s\n", what.c_str()); }

class destination {
  public:
    explicit destination(std::string const& file) : file_(file) {
        if (file_.empty()) return;
        fd_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
        if (fd_ < 0) turn_to_stderr(errno);
    }
    destination(destination const&) = delete;
    destination& operator=(destination const&) = delete;
    ~destination() {
        if (!is_stderr()) ::close(fd_);
    }

    // What the file does not take goes to stderr. False: that does not take it, either, or `stopping`, and nobody reads.
    bool write(std::string_view text, atomic<bool> const& stopping) {
        auto error = try_write(text, stopping);
        if (error == 0) return true;
        if (!is_stderr()) {
            ::close(fd_);
            turn_to_stderr(error);
            error = try_write(text, stopping);
        }
        return error == 0;
    }

  private:
    bool is_stderr() const noexcept { return fd_ == STDERR_FILENO; }
    void turn_to_stderr(int error) {
        fd_ = STDERR_FILENO;
        complain("the dump is here, because \"" + file_ + "\" cannot be written: " +
                 std::system_category().message(error));
    }
    // 0, or errno's. Removes what is written.
    int try_write(std::string_view& text, atomic<bool> const& stopping) noexcept {
        int turns_at_the_end = 0;
        while (!text.empty()) {
            pollfd ready{fd_, POLLOUT, 0};
            if (::poll(&ready, 1, 100) <= 0) {  // a pipe that nobody reads, a terminal that was stopped
                if (stopping.load(std::memory_order_relaxed) && ++turns_at_the_end == 10) return ETIMEDOUT;
                continue;
            }
            // So much a pipe takes at once, if it takes any.
            auto const n = ::write(fd_, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
            if (n >= 0) text.remove_prefix(static_cast<std::size_t>(n));
            else if (errno != EINTR && errno != EAGAIN) return errno;
        }
        return 0;
    }

    std::string const& file_;
    int fd_ = STDERR_FILENO;
};

void print_dump(std::string const& headline, std::string const& file, atomic<bool> const& stopping) noexcept try {
    destination to(file);
    if (!headline.empty() && !to.write(headline, stopping)) return;
    dump_maker maker({});
    for (auto piece = maker.next(); !piece.empty(); piece = maker.next())
        if (!to.write(piece, stopping)) return;
} catch (std::exception const& e) { std::fprintf(stderr, "ramie: a dump is not whole: %s\n", e.what()); }

// --- the thread ---

constinit atomic<unsigned> lookers{0};  // the runtimes that want to be told of a standstill

class dump_watch {
  public:
    // The thread begins with all signals blocked.
    explicit dump_watch(std::string file) : file_(std::move(file)) {
        sigset_t all, mine;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &mine);
        try {
            thread_ = plain_thread([this] { watch(); });
        } catch (...) {
            ::pthread_sigmask(SIG_SETMASK, &mine, nullptr);
            throw;
        }
        ::pthread_sigmask(SIG_SETMASK, &mine, nullptr);
    }
    dump_watch(dump_watch const&) = delete;
    dump_watch& operator=(dump_watch const&) = delete;
    ~dump_watch() {
        stopping_.store(true, std::memory_order_relaxed);  // ordered by ring()
        signal_dumps::ring();
        thread_.join();
    }

  private:
    void watch() noexcept {
        ::pthread_setname_np(::pthread_self(), "ramie-watch");
        for (;;) {
            auto const rung = signal_dumps::rung();
            if (stopping_.load(std::memory_order_relaxed)) return;
            signal_dumps::follow_mask();
            bool const looks = lookers.load(std::memory_order_relaxed) != 0;
            if (signal_dumps::has_come()) print_dump("", file_, stopping_);
            else if (!signal_dumps::wait(rung, looks ? std::chrono::steady_clock::now() + standstill::pause : never))
                look();
        }
    }
    void look() noexcept try {
        if (standstill_.look()) print_dump(standstill::headline, file_, stopping_);
    } catch (std::exception const&) {}  // no memory, no /proc: another time

    std::string const file_;
    standstill standstill_;
    atomic<bool> stopping_{false};
    plain_thread thread_;
};

constinit plain_mutex changing;  // begin and end, one at a time; of what is below
constinit std::array<unsigned, 65> users{};  // of each signal
constinit unsigned all_users = 0;
constinit dump_watch* the_watch = nullptr;

// In a child that has a copy of all this, but not the thread, nor the holders of locks.
void forget_watch() noexcept {
    ::new (&changing) plain_mutex;
    users.fill(0);
    all_users = 0;
    lookers.store(0, std::memory_order_relaxed);
    the_watch = nullptr;
}
home_process::child_watcher const forgets_watch(forget_watch, forget_watch);

}  // namespace

void begin_dump_watch(scheduler& s) {
    auto const& wanted = s.options;
    calling_out const not_the_fibers;
    std::lock_guard const held(changing);
    auto const number = wanted.dump_on;
    bool const listens = number != no_signal && (signal_dumps::is_taken(number) ||
                                                 signal_dumps::take(number, wanted.dump_asked_for));
    bool const looks = wanted.report_deadlocks && !s.is_simulated();  // a simulation has its own
    if (!listens && !looks) return;
    try {
        if (the_watch == nullptr) the_watch = new dump_watch(wanted.dump_file);
    } catch (...) {
        if (listens && users[static_cast<std::size_t>(number)] == 0) signal_dumps::leave(number);
        throw;
    }
    if (listens) ++users[static_cast<std::size_t>(number)];
    if (looks && lookers.fetch_add(1, std::memory_order_relaxed) == 0) signal_dumps::ring();
    ++all_users;
    s.in_dump_watch = {true, listens, looks};
}

void end_dump_watch(scheduler& s) noexcept {
    calling_out const not_the_fibers;
    std::lock_guard const held(changing);
    auto const was = std::exchange(s.in_dump_watch, {});
    if (!was.is_user) return;
    if (was.listens && --users[static_cast<std::size_t>(s.options.dump_on)] == 0) signal_dumps::leave(s.options.dump_on);
    if (was.looks) lookers.fetch_sub(1, std::memory_order_relaxed);
    if (--all_users != 0) return;
    delete std::exchange(the_watch, nullptr);
    (void)signal_dumps::has_come();
}

}  // namespace ramie::detail
