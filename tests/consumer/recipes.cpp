// What the recipes of docs/recipes.md do. recipes.hpp is made of their code, in order (recipes_test.py).
#include "recipes.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace {

void check(bool holds, char const* recipe, char const* what) {
    if (holds) return;
    std::printf("%s: not so: %s\n", recipe, what);
    std::exit(1);
}

using answer = std::expected<int, std::string>;

void at_most() {
    char const* const recipe = "A task for each item, but only so many at once";
    std::vector<int> items(50, 1);
    int at_once = 0, most = 0, done = 0;
    ramie::mutex lock;
    for_each_at_most(3, items, [&](int item) {
        {
            std::lock_guard const held(lock);
            most = std::max(most, ++at_once);
        }
        ramie::this_fiber::yield();
        std::lock_guard const held(lock);
        --at_once, done += item;
    });
    check(done == 50, recipe, "every item had its task");
    check(most > 1 && most <= 3, recipe, "more than one, at most three at once");
    bool thrown = false;
    try {
        for_each_at_most(2, items, [](int) { throw std::runtime_error("bad item"); });
    } catch (std::runtime_error const&) { thrown = true; }
    check(thrown, recipe, "a failure comes out");
}

void retries() {
    char const* const recipe = "Try again, with growing pauses and jitter";
    int asked = 0;
    auto const fails_twice = [&] { return ++asked < 3 ? answer(std::unexpected("down")) : answer(7); };
    check(with_retries(5, 1ms, fails_twice) == 7 && asked == 3, recipe, "it stops at the first success");
    asked = -100;
    check(with_retries(4, 1ms, fails_twice).error() == "down" && asked == -96, recipe, "it gives up after so many");
    check(!ramie::timeout(5ms, [] { (void)with_retries(100, 1h, [] { return answer(std::unexpected("down")); }); }), recipe,
          "a timeout ends a pause");
}

void limited_rate() {
    char const* const recipe = "At most so many a second";
    rate_limiter limiter(2ms);
    auto const begin = std::chrono::steady_clock::now();
    ramie::with_scope([&](ramie::scope& all) {
        for (int i = 0; i < 6; ++i) all.spawn([&] { limiter.wait(); }).detach();
    });
    check(std::chrono::steady_clock::now() - begin >= 10ms, recipe, "six take five pauses");
}

void connections() {
    char const* const recipe = "A pool of connections";
    pool<std::unique_ptr<int>> two(2, [n = 0]() mutable { return std::make_unique<int>(++n); });
    std::atomic<int> at_once{0}, most{0}, uses{0};
    ramie::with_scope([&](ramie::scope& all) {
        for (int i = 0; i < 20; ++i)
            all.spawn([&] {
                two.use([&](std::unique_ptr<int>& one) {
                    most = std::max<int>(most, ++at_once);
                    ramie::this_fiber::yield();
                    --at_once, uses += *one > 0;
                });
            }).detach();
    });
    check(uses == 20 && most <= 2, recipe, "all had one, two at once");
    try {
        two.use([](std::unique_ptr<int>&) { throw 1; });
    } catch (int) {}
    int both = two.use([&](auto& a) { return *a + two.use([](auto& b) { return *b; }); });
    check(both == 3, recipe, "after an exception both are there");
}

void asks_once() {
    char const* const recipe = "A cache that asks once";
    cache<std::string, int> known;
    int asked = 0;
    auto const ask = [&](std::string const& key) {
        ++asked;
        ramie::this_fiber::sleep_for(1ms);
        return int(key.size());
    };
    ramie::with_scope([&](ramie::scope& all) {
        for (int i = 0; i < 10; ++i) all.spawn([&] { check(known.get("four", ask) == 4, recipe, "all have the answer"); }).detach();
    });
    check(asked == 1, recipe, "there was one question");
}

void heartbeat() {
    char const* const recipe = "A heartbeat beside the work";
    std::atomic<int> beats{0};
    auto const result = with_heartbeat(1ms, [&] { ++beats; }, [&] {
        while (beats < 3) ramie::this_fiber::sleep_for(1ms);
        return 5;
    });
    check(result == 5, recipe, "the work's result comes out");
    int const then = beats;
    ramie::this_fiber::sleep_for(5ms);
    check(beats == then, recipe, "it has stopped");
}

void second_server() {
    char const* const recipe = "Ask a second server if the first is slow";
    std::atomic<bool> left{false};
    auto const slow_first = [&](int which) {
        struct note {
            std::atomic<bool>* at;
            ~note() { if (at != nullptr) *at = true; }
        } const leaves{which == 0 ? &left : nullptr};
        if (which == 0) ramie::this_fiber::sleep_for(1h);
        return which;
    };
    check(hedged(1ms, slow_first) == 1 && left, recipe, "the second answers, the first is aborted");
    check(hedged(1h, [](int which) { return which; }) == 0, recipe, "a quick first answers alone");
}

void many_producers() {
    char const* const recipe = "Many producers, one consumer, and a clear end";
    auto all = gather<int>(4, [](int which, ramie::sender<int> out) {
        for (int i = 0; i < 100; ++i) (void)out.send(which * 100 + i);
    });
    std::ranges::sort(all);
    check(all.size() == 400 && all.front() == 0 && all.back() == 399, recipe, "everything comes once");
}

void batches() {
    char const* const recipe = "Work in batches";
    auto [out, in] = ramie::channel<int>(100);
    for (int i = 0; i < 5; ++i) (void)out.send(i);
    check(next_batch(in, 3, 1h) == std::vector{0, 1, 2}, recipe, "a full one comes at once");
    check(next_batch(in, 3, 1ms) == std::vector{3, 4}, recipe, "a small one after a time");
    (void)out.send(9);
    out = {};
    check(next_batch(in, 3, 1h) == std::vector{9} && next_batch(in, 3, 1h).empty(), recipe, "and at the end");
}

void gently_then_firmly() {
    char const* const recipe = "Stop gently, then firmly";
    std::atomic<int> finished{0};
    auto const polite = [&](ramie::cancellation_token const& stop) {
        stop.wait();
        ++finished;
    };
    service good;
    for (int i = 0; i < 3; ++i) good.spawn(polite);
    check(good.drain(1h) && finished == 3, recipe, "the polite end by themselves");
    service bad;
    bad.spawn(polite);
    bad.spawn([](auto const&) { ramie::this_fiber::sleep_for(1h); });
    check(!bad.drain(5ms) && finished == 4, recipe, "the deaf is aborted");
}

void carried() {
    char const* const recipe = "What a request carries with it";
    check(log_line("x") == "no request: x", recipe, "outside there is none");
    auto const inner = as_request(17, [] { return ramie::spawn([] { return log_line("y"); }).get(); });
    check(inner == "request 17: y", recipe, "a task has its parent's");
}

void one_deadline() {
    char const* const recipe = "One deadline for several steps";
    int steps = 0;
    auto const step = [&] { ++steps; };
    check(all_by(std::chrono::steady_clock::now() + 1h, step, step) && steps == 2, recipe, "both, in time");
    check(!all_by(std::chrono::steady_clock::now() + 2ms, step, [] { ramie::this_fiber::sleep_for(1h); }, step) && steps == 3,
          recipe, "the rest is left out");
}

void broken_server() {
    char const* const recipe = "A breaker before a server that is down";
    breaker guard(2, 1h), short_one(2, 1ms);
    int asked = 0;
    auto const down = [&] { return ++asked, answer(std::unexpected("down")); };
    for (int i = 0; i < 5; ++i) (void)guard.call(down);
    check(asked == 2 && !guard.call([] { return answer(1); }), recipe, "after two it refuses");
    (void)short_one.call(down), (void)short_one.call(down);
    ramie::this_fiber::sleep_for(2ms);
    check(short_one.call([] { return answer(1); }).has_value(), recipe, "later one may try");
    check(short_one.call([] { return answer(2); }).has_value(), recipe, "after a success all may");
}

}  // namespace

int main() {
    ramie::run([] {
        for (auto* const each : {at_most, retries, limited_rate, connections, asks_once, heartbeat, second_server, many_producers,
                                 batches, gently_then_firmly, carried, one_deadline, broken_server})
            each();
    });
    std::puts("all recipes hold");
}
