// One workload of ramie-bench: a name, what it does, how often by default, and the function that runs it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct figure {
    std::string name;  // the workload's, or one of its own for a second line
    double value;
    char const* unit;
};

struct workload {
    char const* name;
    char const* what;
    std::uint64_t default_n;
    std::vector<figure> (*run)(unsigned workers, std::uint64_t n);
};

std::vector<workload> const& workloads();

class stopwatch {
  public:
    double nanoseconds() const {
        return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start_).count();
    }
    double milliseconds() const { return nanoseconds() / 1e6; }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Resident memory and page tables of this process, in bytes.
std::uint64_t resident_bytes();

std::vector<figure> run_switch(unsigned, std::uint64_t);
std::vector<figure> run_yield(unsigned, std::uint64_t);
std::vector<figure> run_spawn_join(unsigned, std::uint64_t);
std::vector<figure> run_spawn_batch(unsigned, std::uint64_t);
std::vector<figure> run_skynet(unsigned, std::uint64_t);
std::vector<figure> run_fib(unsigned, std::uint64_t);
std::vector<figure> run_pingpong(unsigned, std::uint64_t);
std::vector<figure> run_mpmc(unsigned, std::uint64_t);
std::vector<figure> run_cold_wake(unsigned, std::uint64_t);
std::vector<figure> run_mutex(unsigned, std::uint64_t);
std::vector<figure> run_parked(unsigned, std::uint64_t);
std::vector<figure> run_unstarted(unsigned, std::uint64_t);
std::vector<figure> run_sleep(unsigned, std::uint64_t);
std::vector<figure> run_timeout_storm(unsigned, std::uint64_t);
std::vector<figure> run_abort(unsigned, std::uint64_t);
std::vector<figure> run_blocking(unsigned, std::uint64_t);
std::vector<figure> run_echo(unsigned, std::uint64_t);
std::vector<figure> run_http(unsigned, std::uint64_t);

}  // namespace bench
