// Workloads of tasks alone: yielding, spawning, joining, aborting.
#include "workload.hpp"

#include <ramie/mutex.hpp>
#include <ramie/runtime.hpp>
#include <ramie/spawn_blocking.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <mutex>
#include <stdexcept>

namespace bench {

namespace {

double per(stopwatch const& watch, std::uint64_t n) { return watch.nanoseconds() / static_cast<double>(n); }

std::uint64_t skynet(std::uint64_t first, std::uint64_t size) {
    if (size == 1) return first;
    ramie::join_handle<std::uint64_t> children[10];
    for (std::uint64_t i = 0; i < 10; ++i) children[i] = ramie::spawn(skynet, first + i * (size / 10), size / 10);
    std::uint64_t sum = 0;
    for (auto& child : children) sum += child.get();
    return sum;
}

std::uint64_t fib(std::uint64_t n) {
    if (n < 2) return n;
    auto left = ramie::spawn(fib, n - 1);
    auto const right = fib(n - 2);
    return left.get() + right;
}

// What an abort cannot do without: a throw through three frames, with destructors to run, to a handler.
struct failure {};
struct local {
    ~local() { asm volatile(""); }
};
[[gnu::noinline]] void innermost() { throw failure{}; }
[[gnu::noinline]] void middle() {
    local const one;
    innermost();
    asm volatile("");  // no tail call
}
[[gnu::noinline]] void outermost() {
    local const one;
    middle();
    asm volatile("");
}

double throwing(std::uint64_t n) {
    stopwatch const watch;
    for (std::uint64_t i = 0; i < n; ++i) {
        try {
            outermost();
        } catch (failure const&) {
        }
    }
    return per(watch, n);
}

void expect(bool right, char const* what) {
    if (!right) throw std::logic_error(std::string("wrong result: ") + what);
}

}  // namespace

std::vector<figure> run_yield(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        auto const turns = [](std::uint64_t count) {
            for (std::uint64_t i = 0; i < count; ++i) ramie::this_fiber::yield();
        };
        ramie::spawn(turns, 10'000).get();
        // Both on this worker: pinned to where they are by there being nothing to steal for long.
        stopwatch const watch;
        auto a = ramie::spawn(turns, n / 2), b = ramie::spawn(turns, n / 2);
        a.get();
        b.get();
        return std::vector<figure>{{"yield", per(watch, n), "ns"}};
    });
}

std::vector<figure> run_spawn_join(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        for (int i = 0; i < 10'000; ++i) ramie::spawn([] {}).get();
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i) ramie::spawn([] {}).get();
        return std::vector<figure>{{"spawn_join", per(watch, n), "ns"}};
    });
}

std::vector<figure> run_spawn_batch(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        std::vector<ramie::join_handle<void>> batch(1000);
        auto const round = [&] {
            for (auto& h : batch) h = ramie::spawn([] {});
            for (auto& h : batch) h.get();
        };
        for (int i = 0; i < 10; ++i) round();
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; i += batch.size()) round();
        return std::vector<figure>{{"spawn_batch", per(watch, n), "ns"}};
    });
}

std::vector<figure> run_skynet(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        (void)skynet(0, 1000);
        stopwatch const watch;
        expect(skynet(0, n) == n * (n - 1) / 2, "skynet");
        return std::vector<figure>{{"skynet", watch.milliseconds(), "ms"}};
    });
}

std::vector<figure> run_fib(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        (void)fib(15);
        stopwatch const watch;
        auto const result = fib(n);
        auto const took = watch.milliseconds();
        std::uint64_t a = 0, b = 1;
        for (std::uint64_t i = 0; i < n; ++i) a = std::exchange(b, a + b);
        expect(result == a, "fib");
        return std::vector<figure>{{"fib", took, "ms"}};
    });
}

std::vector<figure> run_mutex(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        constexpr std::uint64_t tasks = 1000;
        ramie::mutex lock;
        std::uint64_t count = 0;
        auto const work = [&](std::uint64_t turns) {
            for (std::uint64_t i = 0; i < turns; ++i) {
                {
                    std::lock_guard const held(lock);
                    ++count;
                }
                ramie::this_fiber::yield();
            }
        };
        auto const all = [&](std::uint64_t turns) {
            std::vector<ramie::join_handle<void>> handles;
            for (std::uint64_t i = 0; i < tasks; ++i) handles.push_back(ramie::spawn(work, turns));
            for (auto& h : handles) h.get();
        };
        all(10);
        count = 0;
        stopwatch const watch;
        all(n);
        expect(count == tasks * n, "mutex");
        return std::vector<figure>{{"mutex", per(watch, tasks * n), "ns"}};
    });
}

std::vector<figure> run_timeout_storm(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        using namespace std::chrono_literals;
        std::uint64_t sum = 0;
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i) sum += ramie::timeout(1h, [i] { return i; }).value();
        expect(sum == n * (n - 1) / 2, "timeout_storm");
        return std::vector<figure>{{"timeout_storm", per(watch, n), "ns"}};
    });
}

std::vector<figure> run_abort(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        using namespace std::chrono_literals;
        std::vector<ramie::join_handle<void>> tasks;
        for (std::uint64_t i = 0; i < n; ++i) tasks.push_back(ramie::spawn([] { ramie::this_fiber::sleep_for(1h); }));
        // The last one runs when all before it have parked (newest first, so a sleep lets all through).
        ramie::this_fiber::sleep_for(300ms);
        stopwatch const watch;
        for (auto& t : tasks) expect(!t.abort_and_join().has_value(), "abort");
        auto const aborting = per(watch, n);
        return std::vector<figure>{{"abort", aborting, "ns"}, {"throw", throwing(n), "ns"}};
    });
}

std::vector<figure> run_blocking(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        constexpr std::size_t in_flight = 64;
        std::vector<ramie::join_handle<std::uint64_t>> ring(in_flight);
        std::uint64_t sum = 0;
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i) {
            auto& slot = ring[i % in_flight];
            if (slot.valid()) sum += slot.get();
            slot = ramie::spawn_blocking([i] { return i; });
        }
        for (auto& slot : ring)
            if (slot.valid()) sum += slot.get();
        expect(sum == n * (n - 1) / 2, "blocking");
        return std::vector<figure>{{"blocking", per(watch, n), "ns"}};
    });
}

}  // namespace bench
