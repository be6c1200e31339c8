// What a task costs while it waits, and before it starts.
#include "workload.hpp"

#include <ramie/notify.hpp>
#include <ramie/runtime.hpp>
#include <ramie/this_fiber.hpp>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace bench {

std::uint64_t resident_bytes() {
    std::uint64_t total = 0;
    if (auto* const status = std::fopen("/proc/self/status", "r")) {
        char line[256];
        unsigned long long kilobytes = 0;
        while (std::fgets(line, sizeof line, status) != nullptr)
            if (std::sscanf(line, "VmRSS: %llu", &kilobytes) == 1 || std::sscanf(line, "VmPTE: %llu", &kilobytes) == 1)
                total += kilobytes * 1024;
        std::fclose(status);
    }
    return total;
}

namespace {

double cpu_milliseconds() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

struct parked_figures {
    double bytes, spawn_ns, release_ns;
};

parked_figures park_all(std::uint64_t n) {
    using namespace std::chrono_literals;
    std::vector<ramie::join_handle<void>> tasks;
    tasks.reserve(n);
    ramie::notify gate;
    std::atomic<std::uint64_t> arrived{0};
    auto const before = resident_bytes();
    stopwatch const spawning;
    for (std::uint64_t i = 0; i < n; ++i) {
        tasks.push_back(ramie::spawn([&] {
            arrived.fetch_add(1, std::memory_order_relaxed);
            gate.wait();
        }));
        if (i % 1024 == 1023) ramie::this_fiber::yield();
    }
    while (arrived.load(std::memory_order_relaxed) < n) ramie::this_fiber::yield();
    auto const spawned = spawning.nanoseconds();
    ramie::this_fiber::sleep_for(10ms);  // the last of them has parked
    auto const grown = static_cast<double>(resident_bytes()) - static_cast<double>(before);
    stopwatch const releasing;
    gate.notify_all();
    for (auto& t : tasks) t.get();
    auto const count = static_cast<double>(n);
    return {grown / count, spawned / count, releasing.nanoseconds() / count};
}

}  // namespace

std::vector<figure> run_parked(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        auto const cold = park_all(n);
        auto const warm = park_all(n);
        return std::vector<figure>{{"parked", cold.bytes, "bytes"},
                                   {"parked_spawn", warm.spawn_ns, "ns"},
                                   {"parked_release", warm.release_ns, "ns"}};
    });
}

std::vector<figure> run_unstarted(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n, workers] {
        std::vector<ramie::join_handle<void>> tasks;
        tasks.reserve(n);
        std::memset(static_cast<void*>(tasks.data()), 0, n * sizeof tasks[0]);
        std::atomic<bool> release{workers == 1};
        std::vector<ramie::join_handle<void>> held;
        // The other workers are kept busy, so that nothing starts.
        for (unsigned i = 1; i < workers; ++i)
            held.push_back(ramie::spawn([&] {
                while (!release.load()) {}
            }));
        auto const before = resident_bytes();
        for (std::uint64_t i = 0; i < n; ++i) tasks.push_back(ramie::spawn([] {}));
        auto const grown = static_cast<double>(resident_bytes()) - static_cast<double>(before);
        release = true;
        for (auto& t : tasks) t.get();
        for (auto& t : held) t.get();
        return std::vector<figure>{{"unstarted", grown / static_cast<double>(n), "bytes"}};
    });
}

std::vector<figure> run_sleep(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        auto const cpu = cpu_milliseconds();
        stopwatch const watch;
        std::vector<ramie::join_handle<void>> tasks;
        tasks.reserve(n);
        for (std::uint64_t i = 0; i < n; ++i)
            tasks.push_back(
                ramie::spawn([i] { ramie::this_fiber::sleep_for(std::chrono::milliseconds(i % 1000)); }));
        for (auto& t : tasks) t.get();
        return std::vector<figure>{{"sleep", watch.milliseconds(), "ms"}, {"sleep_cpu", cpu_milliseconds() - cpu, "ms"}};
    });
}

}  // namespace bench
