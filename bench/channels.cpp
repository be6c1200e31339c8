// Workloads of channels.
#include "workload.hpp"

#include <ramie/channel.hpp>
#include <ramie/runtime.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>

namespace bench {

namespace {

// N round trips of a token through two channels of capacity 1; gives back the sum of what came back.
std::uint64_t play(std::uint64_t n) {
    auto [ping, to_echo] = ramie::channel<std::uint64_t>(1);
    auto [pong, from_echo] = ramie::channel<std::uint64_t>(1);
    auto echo = ramie::spawn([in = std::move(to_echo), out = std::move(pong)]() mutable {
        while (auto token = in.receive()) (void)out.send(*token);
    });
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        (void)ping.send(i);
        sum += from_echo.receive().value();
    }
    ping = {};
    echo.get();
    return sum;
}

// N messages from 4 producers to 4 consumers; gives back the sum of what was received.
std::uint64_t pass_on(std::uint64_t n) {
    constexpr std::uint64_t sides = 4;
    auto [out, in] = ramie::channel<std::uint64_t>(1024);
    std::vector<ramie::join_handle<void>> producers;
    std::vector<ramie::join_handle<std::uint64_t>> consumers;
    for (std::uint64_t p = 0; p < sides; ++p) {
        producers.push_back(ramie::spawn([tx = out, p, n]() mutable {
            for (auto i = p; i < n; i += sides) (void)tx.send(i);
        }));
        consumers.push_back(ramie::spawn([rx = in]() mutable {
            std::uint64_t sum = 0;
            while (auto const message = rx.receive()) sum += *message;
            return sum;
        }));
    }
    out = {};
    for (auto& p : producers) p.get();
    std::uint64_t sum = 0;
    for (auto& c : consumers) sum += c.get();
    return sum;
}

// Runs work(n) after a warm-up; its result is the sum of 0 .. n-1.
std::vector<figure> timed(char const* name, unsigned workers, std::uint64_t n, std::uint64_t (*work)(std::uint64_t)) {
    return ramie::run({.workers = workers}, [=] {
        (void)work(10'000);
        stopwatch const watch;
        auto const sum = work(n);
        auto const took = watch.nanoseconds();
        if (sum != n * (n - 1) / 2) throw std::logic_error(std::string("wrong result: ") + name);
        return std::vector<figure>{{name, took / static_cast<double>(n), "ns"}};
    });
}

// N tasks wait in one channel, and each gets a message, one after the other. Their stacks have left the caches by then.
std::vector<figure> wake_each(unsigned workers, std::uint64_t n) {
    return ramie::run({.workers = workers}, [n] {
        auto [out, in] = ramie::channel<std::uint64_t>(1);
        std::vector<ramie::join_handle<std::uint64_t>> waiting;
        waiting.reserve(n);
        for (std::uint64_t i = 0; i < n; ++i)
            waiting.push_back(ramie::spawn([rx = in]() mutable { return rx.receive().value(); }));
        ramie::this_fiber::sleep_for(std::chrono::milliseconds(50));
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i) (void)out.send(i);
        std::uint64_t sum = 0;
        for (auto& each : waiting) sum += each.get();
        auto const took = watch.nanoseconds();
        if (sum != n * (n - 1) / 2) throw std::logic_error("wrong result: cold_wake");
        return std::vector<figure>{{"cold_wake", took / static_cast<double>(n), "ns"}};
    });
}

}  // namespace

std::vector<figure> run_pingpong(unsigned workers, std::uint64_t n) { return timed("pingpong", workers, n, play); }
std::vector<figure> run_cold_wake(unsigned workers, std::uint64_t n) { return wake_each(workers, n); }
std::vector<figure> run_mpmc(unsigned workers, std::uint64_t n) { return timed("mpmc", workers, n, pass_on); }

}  // namespace bench
