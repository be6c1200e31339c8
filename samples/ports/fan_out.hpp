// Many blocking jobs at once, each in a fiber of its own, and what that took.
#pragma once

#include <ramie/ramie.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

struct fan_out_report {
    std::size_t good = 0, jobs = 0;
    double waited = 0;  // seconds: what the jobs took, one by one, added up
    double wall = 0;    // seconds: what they took all together
    int threads = 0;    // of the process, at most

    void print(char const* what) const {
        std::printf("%s: %zu of %zu, %.1f s of waiting in %.2f s, with %d threads\n", what, good, jobs, waited, wall,
                    threads);
    }
};

inline int threads_of_this_process() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == "Threads:") {
            int count = 0;
            status >> count;
            return count;
        }
    return 0;
}

// Runs job(0) ... job(count - 1) at once; each is unmodified blocking code, and says whether it went well. From a
// fiber.
template <class Job>
fan_out_report fan_out(std::size_t count, Job job) {
    using clock = std::chrono::steady_clock;
    auto const seconds_since = [](clock::time_point t) {
        return std::chrono::duration<double>(clock::now() - t).count();
    };
    fan_out_report report{.jobs = count};
    std::vector<std::pair<bool, double>> ends(count);
    auto const start = clock::now();
    auto watch = ramie::scoped_task(ramie::spawn([&] {
        for (;; ramie::this_fiber::sleep_for(std::chrono::milliseconds(20)))
            report.threads = std::max(report.threads, threads_of_this_process());
    }));
    std::vector<ramie::join_handle<void>> fibers;
    for (std::size_t i = 0; i < count; ++i)
        // Pinned: such libraries may keep things of their thread over a wait.
        fibers.push_back(ramie::spawn({.name = "job " + std::to_string(i), .pinned = true}, [&, i] {
            auto const began = clock::now();
            ends[i].first = job(i);
            ends[i].second = seconds_since(began);
        }));
    for (auto& each : fibers) each.get();
    report.wall = seconds_since(start);
    for (auto const& [good, took] : ends) {
        report.good += good ? 1 : 0;
        report.waited += took;
    }
    return report;
}
