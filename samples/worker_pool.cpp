// worker_pool: a list of jobs, a task for each, at most eight at work at once, the computing done on the blocking pool.
#include <ramie/ramie.hpp>

#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

// Long computations would keep a worker thread from its other tasks, so they go to the pool.
std::uint64_t count_primes(std::uint64_t below) {
    std::uint64_t found = 0;
    for (std::uint64_t n = 2; n < below; ++n) {
        bool prime = true;
        for (std::uint64_t d = 2; d * d <= n && prime; ++d) prime = n % d != 0;
        found += prime ? 1 : 0;
    }
    return found;
}

}  // namespace

int main() {
    ramie::run([] {
        ramie::semaphore places(8);
        std::vector<ramie::join_handle<std::uint64_t>> jobs;
        for (std::uint64_t i = 1; i <= 40; ++i) {
            jobs.push_back(ramie::spawn([&places, i] {
                auto const place = places.acquire();  // waits its turn; given back at the end of the task
                return ramie::spawn_blocking([i] { return count_primes(i * 1000); }).get();
            }));
        }
        std::uint64_t sum = 0;
        for (auto& job : jobs) sum += job.get();
        std::printf("40 jobs, 8 at a time: %llu primes in all\n", static_cast<unsigned long long>(sum));
    });
}
