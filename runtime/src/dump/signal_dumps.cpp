#include "dump/signal_dumps.hpp"

#include "dump/dump_maker.hpp"
#include "scheduler.hpp"
#include "settings/dump_signal.hpp"

#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/switch/calling_out.hpp>
#include <ramie/detail/wait/futex.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <algorithm>
#include <array>
#include <bit>
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

using signal_set = std::uint64_t;
constexpr int most_signals = 64;
constexpr signal_set bit_of(int number) noexcept { return signal_set{1} << (number - 1); }
constexpr std::size_t index_of(int number) noexcept { return static_cast<std::size_t>(number - 1); }

template <class F>
void for_each_signal(signal_set set, F&& f) {
    for (; set != 0; set &= set - 1) f(std::countr_zero(set) + 1);
}

// Used by the handler, so they have no constructor.
constinit atomic<signal_set> taken{0};  // the signals that have our handler
constinit atomic<signal_set> noted{0};
constinit atomic<std::uint32_t> bell{0};
constinit std::array<struct sigaction, most_signals> before{};  // what each did, once it was taken

// --- the handler ---

void ring() noexcept {
    // release pairs with the acquire in watch(): once the ring is seen, so is what was noted before it.
    bell.fetch_add(1, std::memory_order_release);
    futex_wake(bell);
}

bool is_ignored(struct sigaction const& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

// After the last runtime's end, if somebody has put our handler back since; and in a child of the process.
void do_what_it_did(int number) noexcept {
    if (is_ignored(before[index_of(number)])) return;
    ::signal(number, SIG_DFL);
    ::raise(number);  // it is blocked until the handler returns
}

void handle(int number) {
    int const interrupted = errno;
    if ((taken.load(std::memory_order_relaxed) & bit_of(number)) != 0 && home_process::is_surely_here()) {
        noted.fetch_or(bit_of(number), std::memory_order_relaxed);
        ring();
    } else {
        do_what_it_did(number);
    }
    errno = interrupted;
}

bool has_our_handler(struct sigaction const& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == handle;
}

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

void print_dump(std::string const& file, atomic<bool> const& stopping) noexcept try {
    destination to(file);
    dump_maker maker({});
    for (auto piece = maker.next(); !piece.empty(); piece = maker.next())
        if (!to.write(piece, stopping)) return;
} catch (std::exception const& e) { std::fprintf(stderr, "ramie: a dump is not whole: %s\n", e.what()); }

// --- the thread ---

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
        ring();
        thread_.join();
    }

  private:
    void watch() noexcept {
        ::pthread_setname_np(::pthread_self(), "ramie-sigdump");
        for (;;) {
            auto const rung = bell.load(std::memory_order_acquire);
            if (stopping_.load(std::memory_order_relaxed)) return;
            follow_mask();
            if (noted.exchange(0, std::memory_order_relaxed) != 0) print_dump(file_, stopping_);
            else (void)futex_wait(bell, rung);
        }
    }
    static void follow_mask() noexcept {
        sigset_t blocked;
        ::sigfillset(&blocked);
        for_each_signal(taken.load(std::memory_order_relaxed), [&](int number) { ::sigdelset(&blocked, number); });
        ::pthread_sigmask(SIG_SETMASK, &blocked, nullptr);
    }

    std::string const file_;
    atomic<bool> stopping_{false};
    plain_thread thread_;
};

constinit plain_mutex changing;  // begin and end, one at a time; of what is below
constinit std::array<unsigned, most_signals> users{};
constinit unsigned all_users = 0;
constinit dump_watch* the_watch = nullptr;

// --- taking signals ---

bool is_taken(int number) noexcept { return (taken.load(std::memory_order_relaxed) & bit_of(number)) != 0; }

// True: it is ours from now on.
bool take(int number, bool asked_for) {
    struct sigaction present {};
    ::sigaction(number, nullptr, &present);
    bool const is_free = (present.sa_flags & SA_SIGINFO) == 0 && present.sa_handler == SIG_DFL;
    bool const is_back = has_our_handler(present);  // see do_what_it_did
    if (!is_free && !is_back && !(asked_for && is_ignored(present))) {
        if (asked_for)
            complain("dump_on is " + name_of_signal(number) +
                     ", but this program has a handler of its own for that. It stays, and that signal asks for no dumps");
        return false;
    }
    if (!is_back) before[index_of(number)] = present;
    taken.fetch_or(bit_of(number), std::memory_order_relaxed);  // before it can come
    struct sigaction ours {};
    ours.sa_handler = handle;
    ours.sa_flags = SA_RESTART | SA_ONSTACK;  // fibers' stacks are small
    ::sigemptyset(&ours.sa_mask);
    ::sigaction(number, &ours, nullptr);
    return true;
}

// If another handler has been installed since, that one stays.
void hand_back(int number) noexcept {
    struct sigaction now {};
    if (::sigaction(number, nullptr, &now) == 0 && has_our_handler(now))
        ::sigaction(number, &before[index_of(number)], nullptr);
}

void leave(int number) noexcept {
    hand_back(number);
    taken.fetch_and(~bit_of(number), std::memory_order_relaxed);
}

// In a child that has a copy of all this, but not the thread, nor the holders of locks.
void forget_signals() noexcept {
    for_each_signal(taken.exchange(0, std::memory_order_relaxed), hand_back);
    noted.store(0, std::memory_order_relaxed);
    ::new (&changing) plain_mutex;
    users.fill(0);
    all_users = 0;
    the_watch = nullptr;
}
home_process::child_watcher const forgets_signals(forget_signals, forget_signals);

}  // namespace

void begin_signal_dumps(scheduler& s) {
    auto const number = s.options.dump_on;
    if (number == no_signal) return;
    calling_out const not_the_fibers;
    std::lock_guard const held(changing);
    if (!is_taken(number) && !take(number, s.options.dump_asked_for)) return;
    try {
        if (the_watch == nullptr) the_watch = new dump_watch(s.options.dump_file);
    } catch (...) {
        leave(number);
        throw;
    }
    ring();  // the thread has to unblock the signal
    ++users[index_of(number)];
    ++all_users;
    s.wants_dumps.store(true, std::memory_order_relaxed);
}

void end_signal_dumps(scheduler& s) noexcept {
    if (!s.wants_dumps.exchange(false, std::memory_order_relaxed)) return;
    calling_out const not_the_fibers;
    std::lock_guard const held(changing);
    if (--users[index_of(s.options.dump_on)] == 0) leave(s.options.dump_on);
    if (--all_users != 0) return;
    delete std::exchange(the_watch, nullptr);
    noted.store(0, std::memory_order_relaxed);
}

}  // namespace ramie::detail
