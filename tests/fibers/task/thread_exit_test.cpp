// pthread_exit and thrd_exit in a task: the task ends, its destructors run, its OS thread goes on.
#include "../support/child_process.hpp"
#include "one_thread_carrier.hpp"

#include <ramie/async.hpp>
#include <ramie/cancellation_token.hpp>
#include <ramie/fiber_local.hpp>
#include <ramie/join_set.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/packaged_task.hpp>
#include <ramie/promise.hpp>
#include <ramie/scope.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <csetjmp>
#include <exception>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include <cxxabi.h>
#include <dlfcn.h>
#include <pthread.h>
#include <threads.h>

using namespace std::chrono_literals;
using ramie::testing::in_child;
using ramie::testing::one_thread_carrier;

namespace {

struct note_end {
    std::vector<std::string>& into;
    char const* what;
    ~note_end() { into.emplace_back(what); }
};

[[noreturn]] void libcs_own_exit() {
    auto* const f = reinterpret_cast<void (*)(void*)>(::dlsym(RTLD_NEXT, "pthread_exit"));
    f(nullptr);
    std::abort();
}

[[noreturn]] void exit_by_pthread() { ::pthread_exit(nullptr); }
[[noreturn]] void exit_by_c11() { ::thrd_exit(3); }

constexpr auto ways = {&exit_by_pthread, &exit_by_c11, &libcs_own_exit};

template <class F>
void in_a_task(F f) {
    for (bool const directly : {false, true}) {
        CAPTURE(directly);
        one_thread_carrier carrier;
        carrier.switch_directly(directly);
        auto task = ramie::spawn(f);
        carrier.run();
        CHECK(task.is_finished());
        auto const result = task.join();
        REQUIRE_FALSE(result);
        CHECK(result.error().is_cancelled());
    }
}

}  // namespace

TEST_CASE("thread exit: destructors run from the inside out, the task ends as cancelled, others go on") {
    for (auto* const exit_now : ways) {
        one_thread_carrier carrier;
        std::vector<std::string> ends;
        auto task = ramie::spawn([&] {
            note_end const outer{ends, "outer"};
            ramie::this_fiber::yield();
            [&] {
                note_end const inner{ends, "inner"};
                ramie::this_fiber::yield();
                exit_now();
            }();
            ends.emplace_back("never");
        });
        bool went_on = false;
        auto other = ramie::spawn([&] {
            for (int i = 0; i < 5; ++i) ramie::this_fiber::yield();
            CHECK(std::uncaught_exceptions() == 0);
            try {
                throw 5;
            } catch (int) { went_on = std::current_exception() != nullptr; }
        });
        carrier.run();
        CHECK(ends == std::vector<std::string>{"inner", "outer"});
        auto const result = task.join();
        REQUIRE_FALSE(result);
        CHECK(result.error().is_cancelled());
        CHECK_FALSE(result.error().is_exception());
        other.get();
        CHECK(went_on);
        CHECK(std::uncaught_exceptions() == 0);
    }
}

TEST_CASE("thread exit: the stack serves the next task, which has exceptions of its own") {
    one_thread_carrier carrier;
    carrier.switch_directly(true);
    int ended = 0;
    for (int i = 0; i < 100; ++i) {
        auto exits = ramie::spawn([] { ::pthread_exit(nullptr); });
        auto throws = ramie::spawn([&] {
            CHECK(std::uncaught_exceptions() == 0);
            CHECK(std::current_exception() == nullptr);
            ++ended;
            throw std::string("its own");
        });
        carrier.run();
        CHECK(exits.join().error().is_cancelled());
        CHECK(throws.join().error().is_exception());
    }
    CHECK(ended == 100);
}

TEST_CASE("thread exit: catch (...) that throws on lets it through, and __forced_unwind can be told") {
    for (auto* const exit_now : ways) {
        std::vector<std::string> ends;
        in_a_task([&] {
            ends.clear();
            note_end const last{ends, "destructor"};
            try {
                try {
                    exit_now();
                } catch (abi::__forced_unwind&) {
                    ends.emplace_back("told");
                    CHECK(std::current_exception() == nullptr);
                    throw;
                }
            } catch (...) {
                ends.emplace_back("any");
                throw;
            }
        });
        CHECK(ends == std::vector<std::string>{"told", "any", "destructor"});
    }
}

TEST_CASE("thread exit: inside a catch block, and with an exception that was caught before") {
    in_a_task([] {
        try {
            throw std::string("text");
        } catch (std::string const&) { ::pthread_exit(nullptr); }
    });
}

TEST_CASE("thread exit: a destructor may wait, and an abort meanwhile does not throw out of it") {
    one_thread_carrier carrier;
    carrier.switch_directly(true);
    std::vector<std::string> ends;
    ramie::notify asked;
    struct waits {
        std::vector<std::string>& ends;
        ramie::notify& asked;
        ~waits() {
            CHECK(std::uncaught_exceptions() == 1);
            ends.emplace_back("waits");
            asked.notify_one();
            ramie::this_fiber::sleep_for(1s);
            // Younger than the unwinding, so it is not held off.
            CHECK_FALSE(ramie::timeout(1s, [] { ramie::this_fiber::sleep_for(1h); }));
            ends.emplace_back("waited");
        }
    };
    auto task = ramie::spawn([&] {
        note_end const outer{ends, "outer"};
        waits const first{ends, asked};
        ::pthread_exit(nullptr);
    });
    auto other = ramie::spawn([&] {
        asked.wait();
        task.abort();
        auto third = ramie::spawn([] { ::pthread_exit(nullptr); });  // another one meanwhile
        CHECK(third.join().error().is_cancelled());
    });
    carrier.run();
    CHECK(ends == std::vector<std::string>{"waits", "waited", "outer"});
    CHECK(task.join().error().is_cancelled());
    other.get();
}

TEST_CASE("thread exit: locks, locals and children are left as by return") {
    one_thread_carrier carrier;
    ramie::mutex m;
    std::vector<std::string> ends;
    static ramie::fiber_local<std::shared_ptr<note_end>> local;
    auto task = ramie::spawn([&] {
        ramie::scope children;
        children
            .spawn([&] {
                note_end const child{ends, "child"};
                ramie::this_fiber::sleep_for(1s);
            })
            .detach();
        local.set(std::shared_ptr<note_end>(new note_end{ends, "local"}));
        std::lock_guard const held(m);
        ramie::this_fiber::yield();
        ::pthread_exit(nullptr);
    });
    auto other = ramie::spawn([&] {
        ramie::this_fiber::yield();
        std::lock_guard const held(m);
        ends.emplace_back("locked");
    });
    carrier.run();
    CHECK(ends == std::vector<std::string>{"locked", "child", "local"});
    CHECK(task.join().error().is_cancelled());
    other.get();
}

TEST_CASE("thread exit: futures of what it ends are broken promises") {
    one_thread_carrier carrier;
    auto const is_broken = [](auto& future) {
        try {
            future.get();
            return false;
        } catch (std::future_error const& e) { return e.code() == std::future_errc::broken_promise; }
    };
    auto root = ramie::spawn([&] {
        auto by_async = ramie::async([]() -> int { ::pthread_exit(nullptr); });
        CHECK(is_broken(by_async));

        ramie::packaged_task<int()> packaged([]() -> int { ::pthread_exit(nullptr); });
        auto by_package = packaged.get_future();
        auto caller = ramie::spawn([&] { packaged(); });
        CHECK(caller.join().error().is_cancelled());
        CHECK(is_broken(by_package));

        ramie::packaged_task<int()> later([]() -> int { ::pthread_exit(nullptr); });
        auto by_later = later.get_future();
        auto late_caller = ramie::spawn([&] { later.make_ready_at_thread_exit(); });
        CHECK(late_caller.join().error().is_cancelled());
        CHECK(is_broken(by_later));
    });
    carrier.run();
    root.get();
}

TEST_CASE("thread exit: a child's is no failure to its scope, its siblings or its set") {
    one_thread_carrier carrier;
    int unseen = 0;
    carrier.on_unseen_failure([&](ramie::join_error const&) { ++unseen; });
    auto root = ramie::spawn([&] {
        bool sibling_ended = false;
        ramie::with_scope([&](ramie::scope& s) {
            s.spawn([] { ::pthread_exit(nullptr); }).detach();
            s.spawn([&] {
                 ramie::this_fiber::sleep_for(1s);
                 sibling_ended = true;
             }).detach();
        });
        CHECK(sibling_ended);

        ramie::join_set<int> set;
        set.spawn([]() -> int { ::pthread_exit(nullptr); });
        auto const next = set.join_next();
        REQUIRE(next);
        CHECK(next->error().is_cancelled());

        ramie::cancellation_token const token;
        CHECK_FALSE(token.run_until_cancelled([]() -> int { ::pthread_exit(nullptr); }));
        ramie::spawn([] { ::pthread_exit(nullptr); }).detach();
        ramie::this_fiber::yield();
    });
    carrier.run();
    root.get();
    CHECK(unseen == 0);
}

TEST_CASE("thread exit: in the hook for failures that nobody receives it ends the hook") {
    one_thread_carrier carrier;
    int called = 0;
    carrier.on_unseen_failure([&](ramie::join_error const&) {
        ++called;
        ::pthread_exit(nullptr);
    });
    for (int i = 0; i < 3; ++i) ramie::spawn([] { throw 1; }).detach();
    carrier.run();
    CHECK(called == 3);
}

namespace {

std::vector<std::string>* noted = nullptr;

}  // namespace

extern "C" {
void __pthread_register_cancel(__pthread_unwind_buf_t*);
void __pthread_unregister_cancel(__pthread_unwind_buf_t*);
[[noreturn]] void __pthread_unwind_next(__pthread_unwind_buf_t*);
int __sigsetjmp(__jmp_buf_tag*, int) noexcept;
}

// What pthread_cleanup_push is to C that is compiled without exceptions.
#define C_CLEANUP_PUSH(text)                                                            \
    {                                                                                   \
        __pthread_unwind_buf_t buffer;                                                  \
        if (__sigsetjmp(reinterpret_cast<__jmp_buf_tag*>(buffer.__cancel_jmp_buf), 0)) { \
            noted->emplace_back(text);                                                  \
            __pthread_unwind_next(&buffer);                                             \
        }                                                                               \
        __pthread_register_cancel(&buffer);
#define C_CLEANUP_POP                     \
        __pthread_unregister_cancel(&buffer); \
    }

[[gnu::noinline]] void c_like_inner(void (*exit_now)()) {
    C_CLEANUP_PUSH("inner")
        exit_now();
    C_CLEANUP_POP
}

[[gnu::noinline]] void c_like_popped() {
    C_CLEANUP_PUSH("popped")
    C_CLEANUP_POP
}

[[gnu::noinline]] void c_like_outer(void (*exit_now)()) {
    C_CLEANUP_PUSH("outer")
        c_like_popped();
        c_like_inner(exit_now);
    C_CLEANUP_POP
}

TEST_CASE("thread exit: what C code has registered is run, between the destructors around it") {
    for (auto* const exit_now : {&exit_by_pthread, &exit_by_c11}) {
        std::vector<std::string> ends;
        noted = &ends;
        in_a_task([&] {
            ends.clear();
            note_end const first{ends, "first"};
            c_like_outer(exit_now);
        });
        CHECK(ends == std::vector<std::string>{"inner", "outer", "first"});
    }
}

TEST_CASE("thread exit: what another task has registered on this thread is none of it, and stays") {
    one_thread_carrier carrier;
    std::vector<std::string> ends;
    noted = &ends;
    static ramie::notify go;
    auto waits = ramie::spawn([&] {
        c_like_outer([] {
            go.wait();
            ::pthread_exit(nullptr);
        });
    });
    auto exits = ramie::spawn([&] {
        c_like_inner([] { ::pthread_exit(nullptr); });
    });
    carrier.drain();
    CHECK(exits.join().error().is_cancelled());
    CHECK(ends == std::vector<std::string>{"inner"});
    ends.clear();
    go.notify_one();
    carrier.run();
    CHECK(waits.join().error().is_cancelled());
    CHECK(ends == std::vector<std::string>{"inner", "outer"});
    // Nothing is left behind on this thread.
    __pthread_unwind_buf_t probe;
    __pthread_register_cancel(&probe);
    auto* const left = probe.__pad[0];
    __pthread_unregister_cancel(&probe);
    ends.clear();
    auto again = ramie::spawn([] { ::pthread_exit(nullptr); });
    carrier.run();
    CHECK(again.join().error().is_cancelled());
    CHECK(ends.empty());
    __pthread_register_cancel(&probe);
    CHECK(probe.__pad[0] == left);
    __pthread_unregister_cancel(&probe);
}

TEST_CASE("thread exit: a plain thread's is libc's, beside tasks and without") {
    one_thread_carrier carrier;
    std::vector<std::string> ends;
    for (auto* const exit_now : {&exit_by_pthread, &exit_by_c11}) {
        static std::vector<std::string>* to;
        to = &ends;
        pthread_t thread;
        REQUIRE(::pthread_create(&thread, nullptr, [](void* f) -> void* {
            note_end const end{*to, "end"};
            reinterpret_cast<void (*)()>(f)();
            return nullptr;
        }, reinterpret_cast<void*>(exit_now)) == 0);
        void* value = &value;
        REQUIRE(::pthread_join(thread, &value) == 0);
        CHECK(value == reinterpret_cast<void*>(std::intptr_t{exit_now == &exit_by_c11 ? 3 : 0}));
    }
    CHECK(ends == std::vector<std::string>{"end", "end"});
}

TEST_CASE("thread exit: a catch (...) that swallows it ends the process, as with threads (forks)") {
    auto const end = in_child([] {
        one_thread_carrier carrier;
        auto task = ramie::spawn({.name = "greedy"}, [] {
            try {
                ::pthread_exit(nullptr);
            } catch (...) {}
        });
        carrier.run();
    });
    CHECK(end.killed_by(SIGABRT));
    CHECK_MESSAGE(end.said("ramie: pthread_exit in task "), end.output);
    CHECK_MESSAGE(end.said("\"greedy\" ended in a catch (...) that does not throw on\n"), end.output);
}
