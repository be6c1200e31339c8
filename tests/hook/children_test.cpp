// libramie-hook in child processes: children made in every way, from fibers and from threads, under load. A child's
// calls are libc's, its close() has no effect on this process, and the parent is as before.
#include "chance.hpp"
#include "child_process.hpp"
#include "plain_fds.hpp"

#include <ramie/hook.hpp>
#include <ramie/runtime.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

using namespace ramie::testing;

namespace {

constexpr int most_fds = 96;

void close_all() {
    for (int fd = 3; fd < most_fds; ++fd) ::close(fd);
}
[[noreturn]] void exec_true() {
    ::execl("/bin/true", "true", nullptr);
    ::_exit(127);
}
// Returns 0 if all was well.
int end_of(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return status;
}

// What a child does that lives on: a conversation by hooked calls, which must be libc's.
int lives_on() {
    ::alarm(60);
    if (ramie::is_hooked()) return 1;
    close_all();
    int ends[2];
    if (::pipe(ends) != 0) return 2;
    char b = 'c';
    if (::write(ends[1], &b, 1) != 1 || ::read(ends[0], &b, 1) != 1) return 3;
    pollfd asked{ends[0], POLLIN, 0};
    if (::poll(&asked, 1, 1) != 0) return 4;
    if (::usleep(100) != 0) return 5;
    static int const once = ::getpid();  // a function-local static
    return ::close(ends[0]) == 0 && ::close(ends[1]) == 0 && once != 0 ? 0 : 6;
}

// --- the ways to make a child; each waits for the child's end: 0 is well ---

[[gnu::noinline]] int by_vfork() {
    auto const child = ::vfork();
    if (child == 0) {
        close_all();
        exec_true();
    }
    return child < 0 ? -1 : end_of(child);
}
// A child that makes a child in turn, on the same stack.
[[gnu::noinline, maybe_unused]] int by_vfork_in_vfork() {
    auto const child = ::vfork();
    if (child == 0) {
        auto const inner = ::vfork();
        if (inner == 0) {
            close_all();
            ::_exit(0);
        }
        ::close(3);  // still a child
        ::_exit(inner > 0 ? 0 : 1);
    }
    return child < 0 ? -1 : end_of(child);
}
[[gnu::noinline]] int by_vfork_killed() {
    auto const child = ::vfork();
    if (child == 0) {
        close_all();
        ::kill(::getpid(), SIGKILL);
    }
    return child >= 0 && WIFSIGNALED(end_of(child)) ? 0 : -1;
}

int by_fork_exec() {
    auto const child = ::fork();
    if (child == 0) {
        ::alarm(60);
        close_all();
        exec_true();
    }
    return child < 0 ? -1 : end_of(child);
}
int by_fork_that_lives() {
    auto const child = ::fork();
    if (child == 0) ::_exit(lives_on());
    return child < 0 ? -1 : end_of(child);
}
int by_double_fork() {
    int ends[2];
    if (::pipe(ends) != 0) return -1;
    auto const child = ::fork();
    if (child == 0) {
        ::setsid();
        if (::fork() != 0) ::_exit(0);
        auto const keep = ::dup2(ends[1], most_fds);
        auto const answer = static_cast<char>(lives_on());
        (void)!::write(keep, &answer, 1);
        ::_exit(0);
    }
    ::close(ends[1]);
    auto result = child < 0 ? -1 : end_of(child);
    char answer = 99;
    if (::read(ends[0], &answer, 1) != 1 || answer != 0) result = 100 + answer;
    ::close(ends[0]);
    return result;
}
int by_system_call() {
    auto const child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child == 0) ::_exit(lives_on());
    return child < 0 ? -1 : end_of(child);
}
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
int by_bare_fork() {
    auto const child = ::_Fork();
    if (child == 0) ::_exit(lives_on());
    return child < 0 ? -1 : end_of(child);
}
#endif

// On a stack of its own, in our memory, with its own descriptors.
int in_clone(void*) {
    close_all();
    char b = 'c';
    (void)!::write(-1, &b, 1);
    return 0;
}
int cloned(int flags) {
    constexpr std::size_t size = 64 * 1024;
    auto const stack = std::make_unique<std::byte[]>(size);
    auto const child = ::clone(in_clone, stack.get() + size, flags | SIGCHLD, nullptr);
    return child < 0 ? -1 : end_of(child);
}
int by_clone_in_our_memory() { return cloned(CLONE_VM | CLONE_VFORK); }
int by_clone_with_a_copy() { return cloned(0); }

extern "C" char** environ;
int by_posix_spawn() {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    for (int fd = 3; fd < 32; ++fd) ::posix_spawn_file_actions_addclose(&actions, fd);
    char name[] = "true";
    char* words[] = {name, nullptr};
    pid_t child = -1;
    auto const error = ::posix_spawn(&child, "/bin/true", &actions, nullptr, words, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    return error != 0 ? -1 : end_of(child);
}
int by_popen() {
    auto* const from = ::popen("echo said", "r");
    if (from == nullptr) return -1;
    char text[16] = "";
    bool const said = std::fgets(text, sizeof text, from) != nullptr && std::string(text) == "said\n";
    auto const end = ::pclose(from);
    return said ? end : -2;
}
int by_system() { return ::system("exit 0"); }

struct way {
    char const* name;
    int (*make)();
    std::size_t part = 1;  // one of how many: this way takes a shell
};
std::vector<way> const ways{
    {"vfork", by_vfork},
#if !defined(RAMIE_ASAN)  // ASan keeps one return address for all of them
    {"vfork in vfork", by_vfork_in_vfork},
#endif
    {"vfork, killed", by_vfork_killed},
    {"fork and exec", by_fork_exec},
    {"fork that lives", by_fork_that_lives},
    {"double fork", by_double_fork},
    {"system call", by_system_call},
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    {"_Fork", by_bare_fork},
#endif
    {"clone in our memory", by_clone_in_our_memory},
    {"clone with a copy", by_clone_with_a_copy},
    {"posix_spawn", by_posix_spawn},
    {"popen", by_popen, 4},
    {"system", by_system, 4},
};

// Fibers that pass a byte to and fro, and threads that open and close numbers for which fibers have waited.
class load {
  public:
    load() {
        for (int i = 0; i < 2; ++i) {
            auto const& pair = *pairs_.emplace_back(new two_fds(socket_pair()));
            for (int fd : {pair.here, pair.there})
                fibers_.push_back(ramie::spawn([fd] {
                    for (char b; ::read(fd, &b, 1) == 1;)
                        if (::send(fd, &b, 1, MSG_NOSIGNAL) != 1) break;
                }));
            REQUIRE(::write(pair.here, "b", 1) == 1);
        }
        for (int i = 0; i < 2; ++i)
            threads_.emplace_back([this] {
                while (!done_.load(std::memory_order_relaxed)) {
                    for (int j = 0; j < 100; ++j) ::close(::dup(0));
                    std::this_thread::sleep_for(std::chrono::microseconds(50));
                }
            });
    }
    load(load const&) = delete;
    load& operator=(load const&) = delete;
    ~load() {
        done_.store(true, std::memory_order_relaxed);
        for (auto& each : threads_) each.join();
        for (auto& each : pairs_) ::shutdown(each->here, SHUT_RDWR);
        for (auto& each : fibers_) (void)each.join();
    }

  private:
    std::atomic<bool> done_{false};
    std::vector<std::unique_ptr<two_fds>> pairs_;
    std::vector<ramie::join_handle<void>> fibers_;
    std::vector<std::thread> threads_;
};

// In a process of its own, which may fail: calls `make` again and again on a fiber or a thread, while others park in
// read.
void many_children(way const& by, bool on_thread) {
    auto const count = std::max<std::size_t>(rounds(100) / by.part, 1);
    auto const end = in_child([&] {
        ramie::run({.workers = 2}, [&] {
            auto const ends = socket_pair();
            auto reader = parked([&] {
                char b = 0;
                return ::read(ends.here, &b, 1) == 1 ? b : '-';
            });
            {
                load const busy;
                auto const all = [&] {
                    for (std::size_t i = 0; i < count; ++i)
                        if (auto const answer = by.make(); answer != 0) {
                            std::printf("child %zu: %d\n", i, answer);
                            return;
                        }
                };
                if (on_thread) std::thread(all).join();
                else all();
            }
            std::printf(ramie::is_hooked() && !reader.is_finished() ? "parked, " : "not parked, ");
            if (::write(ends.there, "x", 1) != 1) std::printf("no write, ");
            std::printf("read %c\n", reader.get());
        });
    });
    auto const what = by.name + std::string(on_thread ? " on a thread, " : " on a fiber, ") + std::to_string(count);
    CAPTURE(what);
    CHECK(end.exited_with(0));
    CHECK_MESSAGE(end.output == "parked, read x\n", end.output);
}

}  // namespace

TEST_CASE("children: made in any way by a fiber, they leave the parent's descriptors and fibers alone (forks)") {
    for (auto const& each : ways) many_children(each, false);
}

TEST_CASE("children: the same by a plain thread (forks)") {
    for (auto const& each : ways) many_children(each, true);
}
