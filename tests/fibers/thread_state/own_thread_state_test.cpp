// A task with a thread state of its own: what a thread keeps for itself is the task's.
#include "both_ways.hpp"
#include "own_thread_state.hpp"

#include <ramie/join_set.hpp>
#include <ramie/mutex.hpp>
#include <ramie/own_thread_state.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include "thread_state/thread_block.hpp"

#include <doctest/doctest.h>

#include <cctype>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <locale.h>
#include <pthread.h>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::this_fiber::yield;

namespace {

thread_local int number = 7;
// The compiler must not take an address along.
[[gnu::noipa]] int& here() { return number; }

std::vector<std::string>* said = nullptr;
struct says {
    std::string what;
    ~says() {
        if (!what.empty()) said->push_back(what);
    }
};
thread_local says at_end;
[[gnu::noipa]] says& says_here() { return at_end; }

}  // namespace

TEST_CASE("own thread state: where it cannot be had, a spawn says what is missing") {
    auto const missing = ramie::missing_for_own_thread_state();
    if (missing.empty()) return;
    both_ways([&](one_thread_carrier&) {
        try {
            ramie::spawn(own(), [] {}).detach();
            FAIL("spawned");
        } catch (std::system_error const& e) {
            CHECK(e.code() == std::errc::not_supported);
            CHECK(std::string(e.what()).find("own_thread_state: " + std::string(missing)) != std::string::npos);
        }
    });
}

TEST_CASE("own thread state: a thread-local is the task's, from its first value on, and the thread's is not touched") {
    if (no_thread_states()) return;
    both_ways([](one_thread_carrier& carrier) {
        here() = 1;
        std::vector<ramie::join_handle<int>> tasks;
        for (int i = 0; i < 5; ++i) {
            tasks.push_back(ramie::spawn(own(), [i] {
                CHECK(here() == 7);
                for (int k = 0; k < 3; ++k) {
                    here() = 100 * i + k;
                    yield();
                    CHECK(here() == 100 * i + k);
                }
                return here();
            }));
        }
        // One without is the thread's, as ever.
        auto plain = ramie::spawn([] {
            CHECK(here() == 1);
            yield();
            here() = 2;
        });
        carrier.drain();
        for (int i = 0; i < 5; ++i) CHECK(tasks[static_cast<std::size_t>(i)].get() == 100 * i + 2);
        plain.get();
        CHECK(here() == 2);
        here() = 7;
    });
}

TEST_CASE("own thread state: errno, the thread's identity and ctype are its own, too") {
    if (no_thread_states()) return;
    both_ways([](one_thread_carrier& carrier) {
        auto const thread = ::pthread_self();
        std::vector<pthread_t> seen;
        auto const body = [&](int mine) {
            CHECK(errno == 0);
            auto const self = ::pthread_self();
            seen.push_back(self);
            for (int k = 0; k < 3; ++k) {
                errno = mine;
                yield();
                CHECK(errno == mine);
                CHECK(::pthread_equal(self, ::pthread_self()) != 0);
                CHECK(std::isalpha('x') != 0);
            }
        };
        auto a = ramie::spawn(own(), body, EDOM);
        auto b = ramie::spawn(own(), body, ERANGE);
        carrier.drain();
        a.get();
        b.get();
        REQUIRE(seen.size() == 2);
        CHECK(::pthread_equal(seen[0], seen[1]) == 0);
        CHECK(::pthread_equal(seen[0], thread) == 0);
        CHECK(::pthread_equal(::pthread_self(), thread) != 0);
    });
}

TEST_CASE("own thread state: exceptions that are caught, or on their way, stay with the task") {
    if (no_thread_states()) return;
    both_ways([](one_thread_carrier& carrier) {
        struct waits {
            int& seen;
            ~waits() {
                yield();
                seen = std::uncaught_exceptions();
            }
        };
        auto const body = [](std::string const& name) {
            int uncaught = -1;
            try {
                waits const w{uncaught};
                throw std::runtime_error(name);
            } catch (std::exception const&) {
                yield();
                try {
                    throw;
                } catch (std::exception const& e) {
                    CHECK(e.what() == name);
                }
            }
            CHECK(uncaught == 1);
            CHECK(std::uncaught_exceptions() == 0);
            throw std::logic_error("out of " + name);
        };
        auto a = ramie::spawn(own(), body, "a");
        auto plain = ramie::spawn(body, "plain");
        auto b = ramie::spawn(own(), body, "b");
        carrier.drain();
        CHECK_THROWS_WITH_AS(a.get(), "out of a", std::logic_error);
        CHECK_THROWS_WITH_AS(b.get(), "out of b", std::logic_error);
        CHECK_THROWS_WITH_AS(plain.get(), "out of plain", std::logic_error);
        CHECK(std::uncaught_exceptions() == 0);
        CHECK(std::current_exception() == nullptr);
    });
}

TEST_CASE("own thread state: at the end of the task, not before, its thread_locals are destroyed, then its keys' values") {
    if (no_thread_states()) return;
    both_ways([](one_thread_carrier& carrier) {
        std::vector<std::string> heard;
        said = &heard;
        pthread_key_t key{}, again{};
        static pthread_key_t second;
        REQUIRE(::pthread_key_create(&key, [](void* v) {
                    yield();  // it may wait
                    said->push_back("key " + *static_cast<std::string*>(v));
                    (void)::pthread_setspecific(second, v);  // one more round
                }) == 0);
        REQUIRE(::pthread_key_create(&again, [](void*) { said->push_back("again"); }) == 0);
        second = again;
        std::string value = "one";
        auto task = ramie::spawn(own(), [&] {
            says_here().what = "thread_local";
            (void)::pthread_setspecific(key, &value);
            yield();
            CHECK(::pthread_getspecific(key) == &value);
            heard.push_back("body");
        });
        auto other = ramie::spawn(own(), [&] { CHECK(::pthread_getspecific(key) == nullptr); });
        carrier.drain();
        task.get();
        other.get();
        CHECK(heard == std::vector<std::string>{"body", "thread_local", "key one", "again"});
        CHECK(::pthread_getspecific(key) == nullptr);
        (void)::pthread_key_delete(key);
        (void)::pthread_key_delete(again);
        said = nullptr;
    });
}

TEST_CASE("own thread state: an abort ends the body, and the destructors at the end are not interrupted") {
    if (no_thread_states()) return;
    both_ways([](one_thread_carrier& carrier) {
        static int finished;
        finished = 0;
        struct slow {
            bool used = false;
            ~slow() {
                if (!used) return;
                ramie::this_fiber::sleep_for(1ms);
                ++finished;
            }
        };
        auto task = ramie::spawn(own(), [] {
            static thread_local slow mine;
            mine.used = true;
            ramie::this_fiber::sleep_for(1h);
        });
        carrier.drain();
        task.abort();
        carrier.drain();
        CHECK(finished == 0);
        task.abort();
        carrier.advance(1ms);
        carrier.drain();
        CHECK(finished == 1);
        CHECK(task.join().error().is_cancelled());
    });
}

TEST_CASE("own thread state: waits, timeouts, locks and children work as in any task") {
    if (no_thread_states()) return;
    both_ways([](one_thread_carrier& carrier) {
        ramie::mutex m;
        int order = 0;
        auto const body = [&](int mine) {
            here() = mine;
            for (int k = 0; k < 4; ++k) {
                std::lock_guard const held(m);
                yield();
                CHECK(here() == mine);
            }
            auto child = ramie::spawn([&] { return ++order; });  // it has the thread's
            CHECK(child.get() > 0);
            auto own_child = ramie::spawn(own(), [] { return here(); });
            CHECK(own_child.get() == 7);
            CHECK_FALSE(ramie::timeout(1ms, [] { ramie::this_fiber::sleep_for(1h); }));
            CHECK(here() == mine);
        };
        ramie::join_set<void> all;
        for (int i = 0; i < 4; ++i) all.spawn(own(), body, 50 + i);
        carrier.drain();
        for (int i = 0; i < 4; ++i) {
            carrier.advance(1ms);
            carrier.drain();
        }
        int ended = 0;
        while (auto end = all.try_join_next()) ended += end->has_value();
        CHECK(ended == 4);
        CHECK(here() == 7);
    });
}

TEST_CASE("own thread state: a block is used again, and the next task finds it as new") {
    if (no_thread_states()) return;
    one_thread_carrier carrier;
    auto const run = [&](int count) {
        std::vector<ramie::join_handle<void>> tasks;
        for (int i = 0; i < count; ++i) {
            tasks.push_back(ramie::spawn(own(), [] {
                CHECK(here() == 7);
                CHECK(errno == 0);
                CHECK(::uselocale(nullptr) == LC_GLOBAL_LOCALE);
                here() = 0;
                errno = EDOM;
                auto const other = ::newlocale(LC_ALL_MASK, "C", nullptr);
                (void)::uselocale(other);
                yield();
                (void)::uselocale(LC_GLOBAL_LOCALE);
                ::freelocale(other);
                (void)::uselocale(nullptr);
                std::string const large(2000, 'x');  // malloc's cache of this "thread"
                CHECK(large.size() == 2000);
            }));
        }
        carrier.drain();
        for (auto& t : tasks) t.get();
    };
    run(20);
    auto const blocks = ramie::detail::thread_block::count();
    for (int i = 0; i < 10; ++i) run(20);
    CHECK(ramie::detail::thread_block::count() == blocks);
}

TEST_CASE("own thread state: pthread_exit ends the task, after its cleanup handlers") {
    if (no_thread_states()) return;
    both_ways([](one_thread_carrier& carrier) {
        int cleaned = 0;
        auto task = ramie::spawn(own(), [&] {
            struct counts {
                int& n;
                ~counts() { ++n; }
            } const c{cleaned};
            yield();
            ::pthread_exit(nullptr);
        });
        carrier.drain();
        CHECK(cleaned == 1);
        CHECK(task.join().error().is_cancelled());
        CHECK(std::uncaught_exceptions() == 0);
    });
}
