// Thread states of their own that go from worker to worker.
#include "chance.hpp"
#include "child_process.hpp"
#include "own_thread_state.hpp"

#include <ramie/channel.hpp>
#include <ramie/join_set.hpp>
#include <ramie/notify.hpp>
#include <ramie/own_thread_state.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

thread_local long number = 7;
[[gnu::noipa]] long& here() { return number; }
[[gnu::noipa]] int& error_here() { return errno; }

std::atomic<int> destroyed{0};
struct counts {
    bool used = false;
    ~counts() { destroyed += used; }
};
[[gnu::noipa]] counts& counts_here() {
    static thread_local counts mine;
    return mine;
}

// What a thread would take for its own.
class identity {
  public:
    explicit identity(long mine) : mine_(mine), self_(::pthread_self()) {
        here() = mine;
        error_here() = static_cast<int>(mine % 1000);
    }
    bool is_right() const {
        return here() == mine_ && error_here() == static_cast<int>(mine_ % 1000) && ::pthread_equal(self_, ::pthread_self()) != 0;
    }

  private:
    long mine_;
    pthread_t self_;
};

}  // namespace

TEST_CASE("own thread state: it goes along to another worker") {
    if (no_thread_states()) return;
    ramie::run({.workers = 2}, [] {
        std::atomic<bool> has_moved{false};
        std::atomic<int> wrong{0};
        ramie::join_set<void> all;
        for (int i = 0; i < 8; ++i) {
            all.spawn(own(), [&, i] {
                identity const me(100 + i);
                auto const first = ::gettid();
                while (!has_moved) {
                    ramie::this_fiber::sleep_for(20us);
                    if (!me.is_right()) ++wrong;
                    if (::gettid() != first) has_moved = true;
                }
            });
        }
        while (all.join_next()) {}
        CHECK(wrong == 0);
        CHECK(here() == 7);
    });
}

TEST_CASE("own thread state: thousands of tasks with waits, exceptions, children and aborts keep theirs apart") {
    if (no_thread_states()) return;
    auto const tasks = static_cast<int>(rounds(2000));
    std::atomic<int> wrong{0}, ended{0};
    destroyed = 0;
    ramie::run({.workers = 2}, [&] {
        auto [tx, rx] = ramie::channel<int>(16);
        auto reader = ramie::spawn([rx = std::move(rx)]() mutable {
            long sum = 0;
            while (auto const v = rx.receive()) sum += *v;
            return sum;
        });
        ramie::join_set<void> all;
        std::vector<ramie::abort_handle> some;
        for (int i = 0; i < tasks; ++i) {
            auto const body = [&, i, tx]() mutable {
                identity const me(1000 + i);
                counts_here().used = true;
                std::minstd_rand random(static_cast<unsigned>(i));
                for (int k = 0; k < 5; ++k) {
                    switch (random() % 4) {
                    case 0: ramie::this_fiber::yield(); break;
                    case 1: ramie::this_fiber::sleep_for(std::chrono::microseconds(random() % 200)); break;
                    case 2: (void)tx.send(1); break;
                    case 3:
                        try {
                            throw std::runtime_error(std::to_string(i));
                        } catch (std::exception const& e) {
                            ramie::this_fiber::yield();
                            if (e.what() != std::to_string(i)) ++wrong;
                        }
                        break;
                    }
                    if (!me.is_right()) ++wrong;
                }
                if (ramie::spawn(own(), [] { return here(); }).get() != 7) ++wrong;
                if (!me.is_right() || std::uncaught_exceptions() != 0) ++wrong;
                ++ended;
            };
            some.push_back(all.spawn(own(), body));
            if (i % 3 == 0) some[some.size() / 2].abort();
        }
        tx = {};
        int cancelled = 0, done = 0;
        while (auto const end = all.join_next()) ++(*end ? done : cancelled);
        CHECK(done + cancelled == tasks);
        CHECK(done == ended);
        (void)reader.get();
    });
    CHECK(wrong == 0);
    CHECK(destroyed >= ended);
}

TEST_CASE("own thread state: threads, blocking jobs and runtimes that a task makes work as from any task") {
    if (no_thread_states()) return;
    for (bool const current_thread : {false, true}) {
        CAPTURE(current_thread);
        ramie::run({.current_thread = current_thread}, [] {
            ramie::spawn(own(), [] {
                identity const me(5);
                CHECK(ramie::spawn_blocking([] { return here(); }).get() == 7);
                std::thread([] { CHECK(here() == 7); }).join();
                CHECK(ramie::run({.workers = 2}, [] {
                          return ramie::spawn(own(), [] {
                                     here() = 9;
                                     ramie::this_fiber::sleep_for(100us);
                                     return here();
                                 })
                              .get();
                      }) == 9);
                CHECK(here() == 5);
                CHECK(ramie::runtime_handle::current().spawn([] { return 3; }).get() == 3);
                ramie::this_fiber::yield();
                CHECK(here() == 5);
            }).get();
        });
    }
}

TEST_CASE("own thread state: a library that is loaded while the task lives has its thread-locals there, too") {
    if (no_thread_states()) return;
    ramie::run({.workers = 2}, [] {
        ramie::notify loaded;
        std::atomic<int* (*)()> value{nullptr};
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < 10; ++i) {
            tasks.push_back(ramie::spawn(own(), [&, i] {
                here() = i;
                while (value.load() == nullptr) ramie::this_fiber::sleep_for(100us);
                CHECK(*value.load()() == 42);
                *value.load()() = i;
                for (int k = 0; k < 10; ++k) {
                    ramie::this_fiber::sleep_for(50us);
                    CHECK(*value.load()() == i);
                    CHECK(value.load()()[999] == 0);
                }
                CHECK(here() == i);
            }));
        }
        auto* const library = ::dlopen(RAMIE_TLS_PLUGIN, RTLD_NOW);
        REQUIRE(library != nullptr);
        value = reinterpret_cast<int* (*)()>(::dlsym(library, "tls_plugin_value"));
        for (auto& t : tasks) t.get();
        // As a new thread's, although the block was used before.
        for (int i = 0; i < 10; ++i) CHECK(ramie::spawn(own(), [&] { return *value.load()(); }).get() == 42);
    });
}

TEST_CASE("own thread state: a task may fork, and its child may end itself by exit (forks)") {
    if (no_thread_states()) return;
    auto const end = in_child([] {
        ramie::run({.workers = 2}, [] {
            ramie::spawn(own(), [] {
                here() = 5;
                auto const child = ::fork();
                if (child == 0) {
                    here() += 1;
                    std::exit(static_cast<int>(here()));
                }
                int status = 0;
                CHECK(::waitpid(child, &status, 0) == child);
                std::printf("child %d, parent %ld\n", WEXITSTATUS(status), here());
                // And one that lets the task end.
                auto const second = ::fork();
                if (second == 0) return;
                CHECK(::waitpid(second, &status, 0) == second);
                std::printf("second %d\n", status);
            }).get();
        });
    });
    CHECK_MESSAGE(end.exited_with(0), end.output);
    CHECK_MESSAGE(end.said("child 6, parent 5\n"), end.output);
    CHECK_MESSAGE(end.said("second "), end.output);
}

TEST_CASE("own thread state: exit in a task leaves a static runtime as it is, and destroying one's own runtime is seen (forks)") {
    if (no_thread_states()) return;
    auto const exits = in_child([] {
        static ramie::runtime rt({.workers = 2});
        rt.block_on([] { ramie::spawn(own(), [] { std::exit(3); }).get(); });
    });
    CHECK_MESSAGE(exits.exited_with(3), exits.output);
    auto const destroys = in_child([] {
        std::optional<ramie::runtime> rt(std::in_place, ramie::runtime_options{.workers = 2});
        auto& all = *rt;
        all.block_on([&] {
            ramie::spawn({.name = "careless", .own_thread_state = true}, [&] {
                ramie::this_fiber::yield();
                rt.reset();
            }).get();
        });
    });
    CHECK(destroys.killed_by(SIGABRT));
    CHECK_MESSAGE(destroys.said("a runtime is destroyed inside a task or blocking job of its own"), destroys.output);
}

TEST_CASE("own thread state: a stack overflow is reported with the task's name (forks)") {
    if (no_thread_states()) return;
    auto const end = in_child([] {
        ramie::run([] {
            ramie::spawn({.name = "deep", .own_thread_state = true}, [] {
                ramie::this_fiber::sleep_for(100us);
                struct deeper {
                    [[gnu::noipa]] static long once_more(long n) {
                        char volatile frame[500];
                        frame[0] = 1;
                        return n == 0 ? 0 : once_more(n - 1) + frame[0];
                    }
                };
                (void)deeper::once_more(1L << 40);
            }).get();
        });
    });
    CHECK(end.killed_by(SIGSEGV));
    CHECK_MESSAGE(end.said("ramie: stack overflow in task "), end.output);
    CHECK_MESSAGE(end.said("\"deep\", spawned at "), end.output);
}
