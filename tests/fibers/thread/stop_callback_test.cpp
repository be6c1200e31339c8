// Callbacks of a requested stop: they run on the fiber that requests it, which does not leave its thread meanwhile.
#include "both_ways.hpp"
#include "child_process.hpp"
#include "counted.hpp"

#include <ramie/cancellation_token.hpp>
#include <ramie/channel.hpp>
#include <ramie/jthread.hpp>
#include <ramie/mutex.hpp>
#include <ramie/notify.hpp>
#include <ramie/recursive_mutex.hpp>
#include <ramie/shared_mutex.hpp>
#include <ramie/spawn.hpp>
#include <ramie/stop_token.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timed_mutex.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

using namespace ramie::testing;
using namespace std::chrono_literals;

static_assert(!std::is_move_constructible_v<ramie::stop_callback<void (*)()>>);
static_assert(std::is_constructible_v<ramie::stop_callback<std::function<void()>>, std::stop_token, void (*)()>);
static_assert(!std::is_constructible_v<ramie::stop_callback<std::function<void()>>, std::stop_token, int>);
static_assert(std::is_same_v<ramie::stop_callback<void (*)()>::callback_type, void (*)()>);

namespace {

enum class by { abort, token, jthread, source };

// A fiber requests a stop by that verb; `callback` hears of it.
void request_with(by verb, std::function<void()> callback) {
    one_thread_carrier carrier;
    auto task = ramie::spawn({.name = "requester"}, [&] {
        switch (verb) {
            case by::abort: {
                auto sleeper = ramie::spawn([] { ramie::this_fiber::sleep_for(1h); });
                ramie::this_fiber::yield();
                std::stop_callback const hears(ramie::detail::access::held(sleeper).stop_token(), callback);
                sleeper.abort();
                break;
            }
            case by::token: {
                ramie::cancellation_token const token;
                std::stop_callback const hears(token.child_token().stop_token(), callback);
                auto const child = token.child_token();
                std::stop_callback const hears_too(child.stop_token(), callback);
                token.cancel();
                break;
            }
            case by::jthread: {
                ramie::jthread sleeper([](std::stop_token stop) {
                    while (!stop.stop_requested()) ramie::this_fiber::sleep_for(1ms);
                });
                std::stop_callback const hears(sleeper.get_stop_token(), callback);
                sleeper.request_stop();
                break;
            }
            case by::source: {
                std::stop_source source;
                ramie::stop_callback const hears(source.get_token(), callback);
                source.request_stop();
                break;
            }
        }
    });
    carrier.run();
    task.get();
}

constexpr by all_verbs[] = {by::abort, by::token, by::jthread, by::source};

}  // namespace

TEST_CASE("stop_callback: one that waits dies, whoever requests the stop, and says who and on what") {
    for (auto const verb : all_verbs) {
        CAPTURE(static_cast<int>(verb));
        auto const end = in_child([&] {
            request_with(verb, [] {
                ramie::notify never;
                never.wait();
            });
        });
        CHECK(end.killed_by(SIGABRT));
        CHECK(end.said("\"requester\" waits (notify) in a std::stop_callback"));
    }
}

TEST_CASE("stop_callback: every kind of wait dies") {
    auto const dies = [](char const* what, std::function<void()> wait) {
        auto const end = in_child([&] { request_with(by::token, std::move(wait)); });
        CHECK(end.killed_by(SIGABRT));
        CAPTURE(end.output);
        CHECK(end.said((std::string("waits (") + what + ") in a std::stop_callback").c_str()));
    };
    dies("sleep", [] { ramie::this_fiber::sleep_for(1ms); });
    dies("join", [] { ramie::spawn([] {}).get(); });
    dies("channel receive", [] {
        auto [tx, rx] = ramie::channel<int>(1);
        (void)rx.receive();
    });
    dies("mutex", [] {  // nobody else could unlock it
        ramie::mutex m;
        auto holder = ramie::spawn([&] { m.lock(); });
        std::thread([&] { m.lock(); }).join();
        m.lock();
    });
}

TEST_CASE("stop_callback: what need not wait is allowed, and wakes others; nobody runs meanwhile") {
    for (auto const verb : all_verbs) {
        CAPTURE(static_cast<int>(verb));
        ramie::mutex m;
        ramie::recursive_mutex again;
        ramie::shared_mutex shared;
        auto [tx, rx] = ramie::channel<int>(1000);
        int calls = 0, ran_meanwhile = 0;
        request_with(verb, [&] {
            ++calls;
            std::lock_guard const held(again);
            std::scoped_lock const locked(again, m, shared);
            auto other = ramie::spawn([&] { ++ran_meanwhile; });
            other.detach();
            for (int i = 0; i < 300; ++i) (void)tx.try_send(i), (void)tx.send(i), (void)rx.receive(), (void)rx.receive();
            ramie::this_fiber::yield();
            ramie::this_fiber::sleep_for(0s);
            CHECK(ran_meanwhile == 0);
            CHECK(ramie::this_fiber::name() == "requester");
        });
        CHECK(calls == 1);
        CHECK(ran_meanwhile == 1);
    }
}

TEST_CASE("stop_callback: the fiber that requests is itself afterwards, and within it keeps what it holds") {
    one_thread_carrier carrier;
    bool done = false;
    auto task = ramie::spawn([&] {
        ramie::recursive_mutex held;
        held.lock();
        ramie::cancellation_token const token;
        ramie::stop_callback const hears(token.stop_token(), [&] {
            std::lock_guard const again(held);
            ramie::cancellation_token const inner;
            ramie::stop_callback const hears_too(inner.stop_token(), [&] { std::lock_guard const third(held); });
            inner.cancel();
        });
        token.cancel();
        held.unlock();
        done = true;
        ramie::this_fiber::sleep_for(1ms);
    });
    carrier.run();
    task.get();
    CHECK(done);
}

TEST_CASE("stop_callback: called by its constructor, after the stop, it is an ordinary call and may wait") {
    both_ways([](one_thread_carrier& carrier) {
        std::stop_source source;
        source.request_stop();
        int calls = 0;
        auto task = ramie::spawn([&] {
            ramie::stop_callback const late(source.get_token(), [&] {
                ramie::this_fiber::sleep_for(1ms);
                ++calls;
            });
        });
        carrier.run();
        task.get();
        CHECK(calls == 1);
    });
}

TEST_CASE("stop_callback: is made once, called as what it is, and may be destroyed by its own call") {
    struct noting : counted {
        made* to;
        explicit noting(made& m) : to(&m) {}
        void operator()() const& { *to = {100, 100}; }
        void operator()() && { *to = so_far; }
    };
    made seen;
    std::stop_source source;
    noting f(seen);
    {
        ramie::stop_callback<noting> const copied(source.get_token(), f);
        ramie::stop_callback<noting&> const lent(std::stop_source().get_token(), f);
        source.request_stop();
    }
    CHECK(seen == made{1, 0});
    std::stop_source another;
    std::optional<ramie::stop_callback<std::function<void()>>> self;
    auto const witness = std::make_shared<int>(0);
    self.emplace(another.get_token(), [&self, mine = witness] { self.reset(); });
    another.request_stop();
    CHECK_FALSE(self);
    CHECK(witness.use_count() == 1);
}

TEST_CASE("stop_callback: a plain thread's may wait") {
    std::stop_source source;
    ramie::notify signal;
    int calls = 0;
    ramie::stop_callback const hears(source.get_token(), [&] {
        signal.wait();
        ++calls;
    });
    std::thread other([&] { signal.notify_one(); });
    source.request_stop();
    other.join();
    CHECK(calls == 1);
}
