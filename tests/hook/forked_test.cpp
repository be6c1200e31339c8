// Children that go on in this program's code, with a copy of all Ramie's state: what they can do, and which errors they
// get.
#include "child_process.hpp"
#include "plain_fds.hpp"

#include <ramie/hook.hpp>
#include <ramie/join_set.hpp>
#include <ramie/jthread.hpp>
#include <ramie/mutex.hpp>
#include <ramie/run_as_threads.hpp>
#include <ramie/runtime.hpp>
#include <ramie/scope.hpp>
#include <ramie/scoped_task.hpp>
#include <ramie/signals.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/unix_stream.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>

using namespace ramie::testing;

#if defined(RAMIE_ASAN)
// In a child that exits, memory to which only stacks of the parent's other threads point looks like a leak.
static pid_t const this_program = ::getpid();
extern "C" int __lsan_is_turned_off() { return ::getpid() != this_program; }
#endif

namespace {

// f() in a child of the calling fiber or thread; the tested process waits for the child.
template <class F>
int in_fork(F&& f) {
    std::fflush(nullptr);
    auto const child = ::fork();
    if (child == 0) {
        ::alarm(30);
        f();
        std::fflush(nullptr);
        ::_exit(0);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return status;
}

// Writes the message of what f() throws to stdout.
template <class F>
void say_error(F&& f) {
    try {
        f();
        std::puts("no error");
    } catch (ramie::no_runtime const& e) {
        std::printf("no_runtime: %s\n", e.what());
    } catch (std::logic_error const& e) { std::printf("logic_error: %s\n", e.what()); }
}

// A server in the old style: workers are forked first, each with its own runtime, on one listener.
void serve_some(plain_listener& listener, int connections) {
    ramie::run_as_threads({.workers = 2}, [&] {
        for (int i = 0; i < connections; ++i) {
            auto const fd = ::accept(listener.fd, nullptr, nullptr);
            ramie::spawn([fd] {
                for (char b; ::read(fd, &b, 1) == 1;) (void)!::write(fd, &b, 1);
                ::close(fd);
            }).detach();
        }
        ramie::run({.workers = 1}, [] { ::usleep(1000); });  // a second one
        ::usleep(20'000);
    });
}

void prefork() {
    plain_listener listener;
    constexpr int servers = 3, each = 4;
    std::vector<pid_t> children;
    for (int i = 0; i < servers; ++i) {
        auto const child = ::fork();
        if (child == 0) {
            ::alarm(60);
            serve_some(listener, each);
            ::exit(0);
        }
        children.push_back(child);
    }
    int answers = 0;
    for (int i = 0; i < servers * each; ++i) {
        auto const fd = ::socket(AF_INET, SOCK_STREAM, 0);
        char b = 'q';
        if (::connect(fd, listener.name(), sizeof listener.at) == 0 && ::write(fd, &b, 1) == 1) answers += ::read(fd, &b, 1) == 1;
        ::close(fd);
    }
    std::printf("%d answers\n", answers);
    for (auto const child : children) {
        int status = 0;
        ::waitpid(child, &status, 0);
        std::printf("%d\n", status);
    }
}

}  // namespace

TEST_CASE("forked: servers before any runtime was there" * doctest::skip()) { prefork(); }
TEST_CASE("forked: workers of a server that forks first have their own runtimes (forks)") {
    // In a process that never had a runtime, and in one whose runtimes have ended.
    auto const end = in_fresh_process("forked: servers before any runtime was there", "RAMIE_HOOK", "on");
    CHECK_MESSAGE(end.said("12 answers\n0\n0\n0\n"), end.output);
    auto const after = in_child([] {
        for (int i = 0; i < 3; ++i) ramie::run({.workers = 2}, [] { ::usleep(1000); });
        prefork();
        serve_some(*std::make_unique<plain_listener>(), 0);  // the parent, too
    });
    CHECK(after.output == "12 answers\n0\n0\n0\n");
    CHECK(after.exited_with(0));
}

TEST_CASE("forked: a child of a process with a runtime is refused one, and told the way out (forks)") {
    auto const ask_for_everything = [](ramie::runtime& parents) {
        say_error([] { ramie::run({.workers = 1}, [] {}); });
        say_error([] { ramie::run({.current_thread = true}, [] {}); });
        say_error([&] { parents.block_on([] {}); });
        say_error([&] { parents.spawn([] {}).detach(); });
        say_error([] { ramie::spawn([] {}).detach(); });
        say_error([] { ramie::spawn_blocking([] {}).detach(); });
        std::puts(parents.shutdown(1s).empty() ? "shut down" : "some are left");
    };
    auto const ask = [&](auto&& from_where) {
        auto const end = in_child([&] {
            ramie::runtime parents({.workers = 2});
            from_where(parents);
        });
        CHECK(end.exited_with(0));
        std::string const why = "this process was forked from one in which a runtime existed";
        std::size_t refusals = 0;
        for (auto at = end.output.find(why); at != end.output.npos; at = end.output.find(why, at + 1)) ++refusals;
        CHECK_MESSAGE(refusals == 6, end.output);
        CHECK(end.said("logic_error: ramie: this process"));
        CHECK(end.said("Fork before the first runtime starts"));
        CHECK(!end.said("no error"));
        CHECK_MESSAGE(end.said("shut down\nthe parent: 0, is well"), end.output);
    };
    auto const from_here = [&](ramie::runtime& parents) {
        auto const status = in_fork([&] { ask_for_everything(parents); });
        auto const well = ramie::run({.workers = 1}, [] { return ramie::spawn([] { return "is well"; }).get(); });
        std::printf("the parent: %d, %s\n", status, well);
    };
    SUBCASE("a plain thread") { ask(from_here); }
    SUBCASE("a fiber") {
        ask([&](ramie::runtime& parents) { parents.block_on([&] { from_here(parents); }); });
    }
    SUBCASE("a blocking job") {
        ask([&](ramie::runtime& parents) {
            parents.block_on([&] { ramie::spawn_blocking([&] { from_here(parents); }).get(); });
        });
    }
}

TEST_CASE("forked: only the caller goes on in the child, as a plain thread; no other fiber does (forks)") {
    auto* const strays = static_cast<std::atomic<int>*>(
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    for (bool one : {false, true}) {
        auto const end = in_child([&] {
            ramie::run({.workers = 1, .current_thread = one}, [&] {
                auto const parent = ::getpid();
                std::atomic<bool> done{false};
                ramie::mutex mutex;
                std::vector<ramie::join_handle<void>> others;
                for (int i = 0; i < 3; ++i)
                    others.push_back(ramie::spawn([&] {
                        while (!done) {
                            if (::getpid() != parent) strays->fetch_add(1);
                            ramie::this_fiber::yield();
                        }
                    }));
                ramie::this_fiber::yield();
                auto const status = in_fork([&] {
                    ramie::this_fiber::sleep_for(5ms);
                    ramie::this_fiber::yield();
                    std::unique_lock held(mutex);
                    std::thread([&] {
                        ::usleep(1000);
                        held.unlock();
                    }).join();
                    std::lock_guard const again(mutex);
                    ::usleep(1000);
                    std::puts(ramie::is_hooked() ? "hooked" : "went on");
                });
                done = true;
                for (auto& each : others) each.get();
                std::printf("%d\n", status);
            });
        });
        CHECK(end.output == "went on\n0\n");
        CHECK(strays->load() == 0);
    }
    ::munmap(strays, 4096);
}

TEST_CASE("forked: where the forking fiber would end, the child does (forks)") {
    // f() runs as the main of the forked process's program.
    auto const status_of = [](auto&& f) {
        return in_child([&] {
            ramie::run_as_threads({.workers = 2}, [&]() -> int {
                auto const child = f();
                if (child == 0) return 42;
                int status = 0;
                ::waitpid(child, &status, 0);
                if (WIFSIGNALED(status)) std::printf("signal %d\n", WTERMSIG(status));
                else std::printf("status %d\n", WEXITSTATUS(status));
                return 0;
            });
        });
    };
    auto const share = [](pid_t volatile& child) {
        while (child == 0) ::usleep(100);
        return child;
    };
    SUBCASE("main returns its status") {
        CHECK(status_of([] { return ::fork(); }).output == "status 42\n");
    }
    SUBCASE("a handler returns: exit(0), as where the last thread ends") {
        auto const end = status_of([&] {
            pid_t volatile child = 0;
            ramie::spawn([&] {
                if (auto const made = ::fork()) child = made;
                else std::atexit([] { std::printf("atexit, "); });
            }).detach();
            return share(child);
        });
        CHECK(end.output == "atexit, status 0\n");
    }
    SUBCASE("a blocking job returns") {
        auto const end = status_of([&] {
            pid_t volatile child = 0;
            ramie::spawn_blocking([&] {
                if (auto const made = ::fork()) child = made;
            }).detach();
            return share(child);
        });
        CHECK(end.output == "status 0\n");
    }
    SUBCASE("a handler throws: terminate, as from a thread") {
        auto const end = status_of([&] {
            pid_t volatile child = 0;
            ramie::spawn([&] {
                if (auto const made = ::fork()) child = made;
                else throw std::runtime_error("out of luck");
            }).detach();
            return share(child);
        });
        CHECK_MESSAGE(end.said("signal 6\n"), end.output);
        CHECK(end.said("out of luck"));
    }
    SUBCASE("pthread_exit") {
        auto const end = status_of([&] {
            pid_t volatile child = 0;
            ramie::spawn([&] {
                if (auto const made = ::fork()) child = made;
                else ::pthread_exit(nullptr);
            }).detach();
            return share(child);
        });
        CHECK(end.output == "status 0\n");
    }
}

TEST_CASE("forked: exit() in a child, or leaving main's scope, waits for nothing of the parent's (forks)") {
    auto const end = in_child([] {
        static ramie::runtime of_program({.workers = 2});
        static auto const ends = std::unique_ptr<two_fds>(new two_fds(socket_pair()));
        static auto handle = of_program.spawn([] {
            char b;
            return ::read(ends->here, &b, 1);
        });
        ::usleep(2000);
        auto const leave = [] {
            std::fflush(nullptr);
            auto child = ::fork();
            if (child == 0) {
                ::alarm(30);
                std::exit(3);
            }
            int status = 0;
            ::waitpid(child, &status, 0);
            std::printf("%d ", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
        };
        leave();
        of_program.block_on(leave);
        std::thread(leave).join();
        {
            auto on_the_stack = std::make_unique<ramie::runtime>(ramie::runtime_options{.workers = 2});
            ramie::runtime_handle const spawns = on_the_stack->handle();
            ramie::signals listening({SIGUSR1});
            auto asleep = on_the_stack->spawn([] { ::usleep(50'000); });
            auto const status = in_fork([&] {
                on_the_stack.reset();
                { auto const dropped = std::move(asleep); }
                { auto const dropped = std::move(listening); }
                ::_exit(4);
            });
            std::printf("%d ", WEXITSTATUS(status));
        }
        (void)!::write(ends->there, "x", 1);
        std::printf("%zd\n", handle.get());
    });
    CHECK(end.output == "3 3 3 4 1\n");
    CHECK(end.exited_with(0));
}

TEST_CASE("forked: what waits for its tasks at its end does not in a child, where they never end (forks)") {
    auto const end = in_child([] {
        ramie::run({.workers = 2}, [] {
            auto const ends = socket_pair();
            auto const waits = [&] {
                char b;
                return ::read(ends.here, &b, 1);
            };
            auto handle = ramie::spawn(waits);
            auto const status = [&] {
                ramie::join_set<ssize_t> set;
                set.spawn(waits);
                ramie::scoped_task<ssize_t> one(ramie::spawn(waits));
                ramie::jthread thread([&] { (void)waits(); });
                ramie::scope around;
                around.spawn([&] { (void)waits(); }).detach();
                ramie::this_fiber::yield();
                auto const child = ::fork();
                if (child == 0) {
                    ::alarm(30);
                    say_error([&] { (void)handle.get(); });
                    return 0;  // all of these must end
                }
                int result = -1;
                ::waitpid(child, &result, 0);
                (void)!::write(ends.there, "12345", 5);
                if (result != 0) std::printf("child: %d\n", result);
                return 1;
            }();
            if (status == 0) {
                std::puts("left");
                std::fflush(stdout);
                ::_exit(0);
            }
            std::printf("parent: %zd\n", handle.get());
        });
    });
    CHECK_MESSAGE(end.said("no_runtime: ramie: this process was forked"), end.output);
    CHECK_MESSAGE(end.said("left\nparent: 1\n"), end.output);
}

TEST_CASE("forked: the parent's streams do not wait in a child, and end there without a word to the parent (forks)") {
    auto const end = in_child([] {
        ramie::run({.workers = 2}, [] {
            auto both = ramie::unix_stream::pair().value();
            auto reading = parked([&] {
                std::byte b[1];
                return both.first.read(b).value();
            });
            auto const status = in_fork([&] {
                std::byte b[1];
                auto const answer = both.second.read(b);
                std::puts(answer ? "read" : answer.error().message().c_str());
                std::puts(both.second.write(b) ? "wrote" : "did not write");
                { auto const dropped = std::move(both); }
            });
            std::printf("%d %zu\n", status, reading.get());
            std::byte b[1];
            auto again = parked([&] { return both.second.read(b).value(); });
            auto const wrote = both.first.write(b).value();
            std::printf("%zu %zu\n", wrote, again.get());
        });
    });
    CHECK(end.output == "Operation canceled\nwrote\n0 1\n1 1\n");
}

TEST_CASE("forked: a signal that the parent listens to does to a child what it did before (forks)") {
    auto const end = in_child([] {
        ramie::run({.workers = 2}, [] {
            ramie::signals listening({SIGUSR1, SIGUSR2});
            auto const status = in_fork([] {
                ::kill(::getpid(), SIGUSR2);
                ::pause();
            });
            std::printf("signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
            ::kill(::getpid(), SIGUSR1);
            std::printf("%s\n", listening.next() == SIGUSR1 ? "heard" : "another");
        });
    });
    CHECK(end.output == "signal 12\nheard\n");
}
