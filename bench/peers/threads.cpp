// std::thread: the kernel is the scheduler. WORKERS is the number of processors the process may use.
//
// Left out: skynet and fib (100,000 threads at once and more), unstarted (a thread starts when it is made),
// blocking (any thread may block), abort (there is none; a stop_token is asked, not told).
#include "peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace {

using namespace peer;

// To the first WORKERS of the processors it already may use.
void confine(unsigned workers) {
    cpu_set_t allowed, chosen;
    CPU_ZERO(&chosen);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    for (int cpu = 0; cpu < CPU_SETSIZE && workers > 0; ++cpu)
        if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &chosen), --workers;
    ::sched_setaffinity(0, sizeof chosen, &chosen);
}

figures run_yield(unsigned workers, std::uint64_t n) {
    confine(workers);
    auto const turns = [](std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) std::this_thread::yield();
    };
    stopwatch const watch;
    std::thread a(turns, n / 2), b(turns, n - n / 2);
    a.join();
    b.join();
    return {{"yield", watch.ns_each(n), "ns"}};
}

figures run_spawn_join(unsigned workers, std::uint64_t n) {
    confine(workers);
    std::uint64_t ran = 0;
    for (int i = 0; i < 100; ++i) std::thread([&] { ++ran; }).join();
    ran = 0;
    stopwatch const watch;
    for (std::uint64_t i = 0; i < n; ++i) std::thread([&] { ++ran; }).join();
    auto const each = watch.ns_each(n);
    expect(ran == n, "spawn_join");
    return {{"spawn_join", each, "ns"}};
}

figures run_spawn_batch(unsigned workers, std::uint64_t n) {
    confine(workers);
    std::vector<std::thread> batch(1000);
    std::uint64_t joined = 0;
    stopwatch const watch;
    for (std::uint64_t i = 0; i < n; i += batch.size()) {
        for (auto& t : batch) t = std::thread([] {});
        for (auto& t : batch) t.join(), ++joined;
    }
    auto const took = watch.ns();
    return {{"spawn_batch", took / static_cast<double>(joined), "ns"}};
}

// A bounded channel as one writes it with a lock and two conditions.
class channel {
  public:
    explicit channel(std::size_t capacity) : ring_(capacity) {}

    void send(std::uint64_t value) {
        {
            std::unique_lock held(lock_);
            space_.wait(held, [&] { return count_ < ring_.size(); });
            ring_[(first_ + count_++) % ring_.size()] = value;
        }
        data_.notify_one();
    }
    bool receive(std::uint64_t& value) {
        {
            std::unique_lock held(lock_);
            data_.wait(held, [&] { return count_ > 0 || closed_; });
            if (count_ == 0) return false;
            value = ring_[first_];
            first_ = (first_ + 1) % ring_.size();
            --count_;
        }
        space_.notify_one();
        return true;
    }
    void close() {
        {
            std::lock_guard const held(lock_);
            closed_ = true;
        }
        data_.notify_all();
    }

  private:
    std::mutex lock_;
    std::condition_variable data_, space_;
    std::vector<std::uint64_t> ring_;
    std::size_t first_ = 0, count_ = 0;
    bool closed_ = false;
};

std::uint64_t play(std::uint64_t n) {
    channel ping(1), pong(1);
    std::thread echo([&] {
        std::uint64_t token = 0;
        while (ping.receive(token)) pong.send(token);
    });
    std::uint64_t sum = 0, token = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        ping.send(i);
        pong.receive(token);
        sum += token;
    }
    ping.close();
    echo.join();
    return sum;
}

std::uint64_t pass_on(std::uint64_t n) {
    constexpr std::uint64_t sides = 4;
    channel line(1024);
    std::array<std::thread, sides> producers, consumers;
    std::array<std::uint64_t, sides> sums{};
    for (std::uint64_t p = 0; p < sides; ++p) {
        producers[p] = std::thread([&line, p, n] {
            for (auto i = p; i < n; i += sides) line.send(i);
        });
        consumers[p] = std::thread([&line, &out = sums[p]] {
            std::uint64_t sum = 0, message = 0;
            while (line.receive(message)) sum += message;
            out = sum;
        });
    }
    for (auto& p : producers) p.join();
    line.close();
    std::uint64_t sum = 0;
    for (std::uint64_t c = 0; c < sides; ++c) {
        consumers[c].join();
        sum += sums[c];
    }
    return sum;
}

figures timed(char const* what, unsigned workers, std::uint64_t n, std::uint64_t (*work)(std::uint64_t)) {
    confine(workers);
    (void)work(1000);
    stopwatch const watch;
    auto const sum = work(n);
    auto const each = watch.ns_each(n);
    expect(sum == sum_below(n), what);
    return {{what, each, "ns"}};
}

figures run_pingpong(unsigned workers, std::uint64_t n) { return timed("pingpong", workers, n, play); }
figures run_mpmc(unsigned workers, std::uint64_t n) { return timed("mpmc", workers, n, pass_on); }

figures run_mutex(unsigned workers, std::uint64_t n) {
    confine(workers);
    constexpr std::uint64_t tasks = 1000;
    std::mutex lock;
    std::uint64_t count = 0;
    std::vector<std::thread> threads;
    stopwatch const watch;
    for (std::uint64_t i = 0; i < tasks; ++i)
        threads.emplace_back([&] {
            for (std::uint64_t t = 0; t < n; ++t) {
                {
                    std::lock_guard const held(lock);
                    ++count;
                }
                std::this_thread::yield();
            }
        });
    for (auto& t : threads) t.join();
    auto const each = watch.ns_each(tasks * n);
    expect(count == tasks * n, "mutex");
    return {{"mutex", each, "ns"}};
}

struct parked_figures {
    double bytes, spawn_ns, release_ns;
};

parked_figures park_all(std::uint64_t n) {
    std::vector<std::thread> threads;
    threads.reserve(n);
    std::mutex lock;
    std::condition_variable gate, all_here;
    std::uint64_t arrived = 0;
    bool open = false;
    auto const before = resident_bytes();
    stopwatch const spawning;
    for (std::uint64_t i = 0; i < n; ++i)
        threads.emplace_back([&] {
            std::unique_lock held(lock);
            if (++arrived == n) all_here.notify_one();
            gate.wait(held, [&] { return open; });
        });
    {
        std::unique_lock held(lock);
        all_here.wait(held, [&] { return arrived == n; });
    }
    auto const spawned = spawning.ns_each(n);
    auto const grown = resident_bytes() - before;
    stopwatch const releasing;
    {
        std::lock_guard const held(lock);
        open = true;
    }
    gate.notify_all();
    for (auto& t : threads) t.join();
    return {grown / static_cast<double>(n), spawned, releasing.ns_each(n)};
}

// The kernel's 16 KiB and more for each thread are in neither VmRSS nor VmPTE.
figures run_parked(unsigned workers, std::uint64_t n) {
    confine(workers);
    auto const cold = park_all(n);
    auto const warm = park_all(n);
    return {{"parked", cold.bytes, "bytes"}, {"parked_spawn", warm.spawn_ns, "ns"}, {"parked_release", warm.release_ns, "ns"}};
}

figures run_sleep(unsigned workers, std::uint64_t n) {
    confine(workers);
    std::atomic<std::uint64_t> slept{0};
    std::vector<std::thread> threads;
    auto const cpu = cpu_ms();
    stopwatch const watch;
    for (std::uint64_t i = 0; i < n; ++i)
        threads.emplace_back([&slept, i] {
            std::this_thread::sleep_for(std::chrono::milliseconds(i % 1000));
            slept.fetch_add(1, std::memory_order_relaxed);
        });
    for (auto& t : threads) t.join();
    auto const took = watch.ms();
    expect(slept.load() == n, "sleep");
    return {{"sleep", took, "ms"}, {"sleep_cpu", cpu_ms() - cpu, "ms"}};
}

// No timeout goes round an operation; the operations have timed forms of their own.
figures run_timeout_storm(unsigned workers, std::uint64_t n) {
    confine(workers);
    std::timed_mutex lock;
    std::uint64_t in_time = 0;
    stopwatch const watch;
    for (std::uint64_t i = 0; i < n; ++i) {
        std::unique_lock const held(lock, std::chrono::hours(1));
        in_time += held.owns_lock();
    }
    auto const each = watch.ns_each(n);
    expect(in_time == n, "timeout_storm");
    return {{"timeout_storm", each, "ns"}};
}

bool write_all(int to, char const* data, std::size_t size) {
    while (size > 0) {
        auto const sent = ::send(to, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return false;
        data += sent;
        size -= static_cast<std::size_t>(sent);
    }
    return true;
}

void echo(int client) {
    std::array<char, 4096> buffer;
    for (;;) {
        auto const got = ::read(client, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0 || !write_all(client, buffer.data(), static_cast<std::size_t>(got))) break;
    }
    ::close(client);
}

void http(int client) {
    constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    constexpr std::string_view end = "\r\n\r\n";
    std::array<char, 4096> buffer;
    std::string answers;
    std::size_t matched = 0;  // of `end`, over reads
    for (;;) {
        auto const got = ::read(client, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        answers.clear();
        for (char const c : std::string_view(buffer.data(), static_cast<std::size_t>(got))) {
            matched = c == end[matched] ? matched + 1 : c == end[0] ? 1 : 0;
            if (matched < end.size()) continue;
            matched = 0;
            answers += answer;
        }
        if (!write_all(client, answers.data(), answers.size())) break;
    }
    ::close(client);
}

[[noreturn]] void failed(char const* what) { throw std::system_error(errno, std::generic_category(), what); }

figures serve(unsigned workers, std::uint64_t port, void (*answer)(int)) {
    if (port > 65535) throw std::invalid_argument("N is the port: 1 to 65535");
    confine(workers);
    int const listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int const one = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) failed("bind");
    if (::listen(listener, 4096) != 0) failed("listen");
    for (;;) {
        int const client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            failed("accept");
        }
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        std::thread(answer, client).detach();
    }
}

figures run_echo(unsigned workers, std::uint64_t port) { return serve(workers, port, echo); }
figures run_http(unsigned workers, std::uint64_t port) { return serve(workers, port, http); }

// Stacks of 8 MiB would run out of address space limits before the threads run out.
void use_small_stacks() {
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, 64 * 1024);
    ::pthread_setattr_default_np(&attributes);
}

}  // namespace

int main(int argc, char** argv) {
    use_small_stacks();
    return peer::run_main("threads",
        {
            {"yield", 1'000'000, 1, 1, run_yield},
            {"spawn_join", 100'000, 1, any, run_spawn_join},
            {"spawn_batch", 100'000, 1, any, run_spawn_batch},
            {"pingpong", 100'000, 1, any, run_pingpong},
            {"mpmc", 1'000'000, 1, any, run_mpmc},
            {"mutex", 100, 1, any, run_mutex},
            {"parked", 10'000, 1, any, run_parked},
            {"sleep", 10'000, 1, any, run_sleep},
            {"timeout_storm", 5'000'000, 1, any, run_timeout_storm},
            {"echo", 7777, 1, any, run_echo},
            {"http", 8080, 1, any, run_http},
        },
        argc, argv);
}
