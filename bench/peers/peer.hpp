// What the C++ peers share: ramie-bench's command line, clock and measure of memory.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace peer {

struct figure {
    std::string name;
    double value;
    char const* unit;
};
using figures = std::vector<figure>;

struct workload {
    char const* name;
    std::uint64_t default_n;
    unsigned least_workers, most_workers;
    figures (*run)(unsigned workers, std::uint64_t n);
};

inline constexpr unsigned any = 1024;

class stopwatch {
  public:
    double ns() const { return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start_).count(); }
    double ms() const { return ns() / 1e6; }
    double ns_each(std::uint64_t n) const { return ns() / static_cast<double>(n); }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

inline void expect(bool right, char const* what) {
    if (!right) throw std::logic_error(std::string("wrong result: ") + what);
}

inline double resident_bytes() {
    double total = 0;
    if (auto* const status = std::fopen("/proc/self/status", "r")) {
        char line[256];
        unsigned long long kib = 0;
        while (std::fgets(line, sizeof line, status) != nullptr)
            if (std::sscanf(line, "VmRSS: %llu", &kib) == 1 || std::sscanf(line, "VmPTE: %llu", &kib) == 1)
                total += static_cast<double>(kib) * 1024;
        std::fclose(status);
    }
    return total;
}

inline double cpu_ms() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

inline std::uint64_t fibonacci(std::uint64_t n) {
    std::uint64_t a = 0, b = 1;
    while (n-- > 0) {
        auto const next = a + b;
        a = b;
        b = next;
    }
    return a;
}

inline std::uint64_t sum_below(std::uint64_t n) { return n * (n - 1) / 2; }

inline bool number(std::string_view text, std::uint64_t most, std::uint64_t& out) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() && out >= 1 && out <= most;
}

inline int run_main(char const* system, std::vector<workload> const& all, int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--list") {
        for (auto const& w : all)
            std::printf("%-14s (default N: %llu; workers: %u to %u)\n", w.name,
                        static_cast<unsigned long long>(w.default_n), w.least_workers, w.most_workers);
        return 0;
    }
    std::uint64_t workers = 0, n = 0;
    if (argc < 3 || argc > 4 || !number(argv[2], any, workers) || (argc == 4 && !number(argv[3], 1'000'000'000'000, n))) {
        std::fprintf(stderr, "usage: %s WORKLOAD WORKERS [N]\n       %s --list\n", argv[0], argv[0]);
        return 2;
    }
    for (auto const& w : all) {
        if (std::string_view(w.name) != argv[1]) continue;
        if (workers < w.least_workers || workers > w.most_workers) {
            std::fprintf(stderr, "%s: %s runs on %u to %u workers\n", system, w.name, w.least_workers, w.most_workers);
            return 2;
        }
        try {
            for (auto const& f : w.run(static_cast<unsigned>(workers), n != 0 ? n : w.default_n))
                std::printf("%s %s %llu %.6g %s\n", system, f.name.c_str(), static_cast<unsigned long long>(workers), f.value,
                            f.unit);
        } catch (std::exception const& e) {
            std::fprintf(stderr, "%s: %s: %s\n", system, w.name, e.what());
            return 1;
        }
        return 0;
    }
    std::fprintf(stderr, "%s: there is no workload \"%s\"; --list names them\n", system, argv[1]);
    return 2;
}

}  // namespace peer
