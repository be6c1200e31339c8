// Boost.Asio's awaitable: the coroutine colour.
//
// - awaitable over io_context's own executor (no type erasure); `deferred`, which needs no coroutine of its own per operation.
// - With one worker the context takes no locks (BOOST_ASIO_CONCURRENCY_HINT_UNSAFE), nor do channels.
// - Channels are tried before they are awaited.
// - Asio has no join for "spawn now, await later" that is safe over threads, so there is a wait_group.
//
// Left out: mutex (Asio has no lock that suspends), unstarted (a spawned coroutine starts at once).
// abort: one worker only, since a cancellation_signal may not be used from two threads.
#include "peer.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace {

using namespace peer;
namespace asio = boost::asio;
using boost::system::error_code;
using executor = asio::io_context::executor_type;
template <class T>
using task = asio::awaitable<T, executor>;
using asio::deferred;
constexpr asio::use_awaitable_t<executor> awaited;

// Joins many: the last to be done resumes who waits.
class wait_group {
  public:
    wait_group(executor ex, std::size_t count) : ex_(ex), left_(count + 1) {}

    // The coroutine that is resumed may end, and this with it.
    void done() {
        if (left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        auto resume = std::move(resume_);
        resume();
    }

    task<void> wait() {
        if (left_.load(std::memory_order_acquire) == 1) co_return;
        co_await asio::async_initiate<asio::use_awaitable_t<executor> const, void()>(
            [this](auto handler) {
                resume_ = std::move(handler);
                // Nothing may resume a coroutine from within its own suspension.
                if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) asio::post(ex_, std::move(resume_));
            },
            awaited);
    }

    void reset(std::size_t count) { left_.store(count + 1, std::memory_order_relaxed); }

  private:
    executor ex_;
    std::atomic<std::size_t> left_;
    std::move_only_function<void()> resume_;
};

// co_spawn runs a coroutine at once, up to its first wait. That is the fast way with one worker; with more, what is
// spawned must be there for others to take.
bool spread = false;

template <class T, class Completion>
void spawn(executor ex, task<T> t, Completion completion) {
    if (!spread) return asio::co_spawn(ex, std::move(t), std::move(completion));
    asio::post(ex, [ex, t = std::move(t), c = std::move(completion)]() mutable {
        asio::co_spawn(ex, std::move(t), std::move(c));
    });
}

template <class T>
void start(executor ex, task<T> t, wait_group& group, T& out) {
    spawn(ex, std::move(t), [&group, &out](std::exception_ptr failure, T value) {
        if (failure) std::terminate();
        out = value;
        group.done();
    });
}

void start(executor ex, task<void> t, wait_group& group) {
    spawn(ex, std::move(t), [&group](std::exception_ptr failure) {
        if (failure) std::terminate();
        group.done();
    });
}

// `locking` when other threads than the workers post to the context.
template <class F>
auto on(unsigned workers, F root, bool locking = false) {
    spread = workers > 1;
    asio::io_context context(workers > 1 ? static_cast<int>(workers) : locking ? 1 : BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
    std::optional<figures> result;
    std::exception_ptr failure;
    asio::co_spawn(context.get_executor(), root(context.get_executor()), [&](std::exception_ptr e, figures f) {
        failure = e;
        result = std::move(f);
    });
    std::vector<std::thread> others;
    for (unsigned i = 1; i < workers; ++i) others.emplace_back([&] { context.run(); });
    context.run();
    for (auto& t : others) t.join();
    if (failure) std::rethrow_exception(failure);
    return *result;
}

task<void> turns(executor ex, std::uint64_t count, std::uint64_t& turned) {
    for (std::uint64_t i = 0; i < count; ++i) co_await asio::post(ex, deferred);
    turned += count;
}

figures run_yield(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        std::uint64_t turned = 0;
        wait_group group(ex, 1);
        start(ex, turns(ex, 10'000, turned), group);
        co_await group.wait();
        turned = 0;
        group.reset(2);
        stopwatch const watch;
        start(ex, turns(ex, n / 2, turned), group);
        start(ex, turns(ex, n - n / 2, turned), group);
        co_await group.wait();
        auto const each = watch.ns_each(n);
        expect(turned == n, "yield");
        co_return figures{{"yield", each, "ns"}};
    });
}

task<void> empty(std::uint64_t& ran) {
    ++ran;
    co_return;
}

task<void> nothing() { co_return; }

figures run_spawn_join(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        std::uint64_t ran = 0;
        for (int i = 0; i < 10'000; ++i) co_await asio::co_spawn(ex, empty(ran), deferred);
        ran = 0;
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i) co_await asio::co_spawn(ex, empty(ran), deferred);
        auto const each = watch.ns_each(n);
        expect(ran == n, "spawn_join");
        co_return figures{{"spawn_join", each, "ns"}};
    });
}

figures run_spawn_batch(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        constexpr std::uint64_t size = 1000;
        wait_group group(ex, 0);
        std::uint64_t joined = 0;
        auto const round = [&]() -> task<void> {
            group.reset(size);
            for (std::uint64_t i = 0; i < size; ++i) start(ex, nothing(), group);
            co_await group.wait();
            joined += size;
        };
        for (int i = 0; i < 10; ++i) co_await round();
        joined = 0;
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; i += size) co_await round();
        auto const took = watch.ns();
        co_return figures{{"spawn_batch", took / static_cast<double>(joined), "ns"}};
    });
}

task<std::uint64_t> skynet(executor ex, std::uint64_t first, std::uint64_t size) {
    if (size == 1) co_return first;
    std::array<std::uint64_t, 10> sums;
    wait_group group(ex, sums.size());
    for (std::uint64_t i = 0; i < sums.size(); ++i) start(ex, skynet(ex, first + i * (size / 10), size / 10), group, sums[i]);
    co_await group.wait();
    std::uint64_t sum = 0;
    for (auto const s : sums) sum += s;
    co_return sum;
}

figures run_skynet(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        (void)co_await skynet(ex, 0, 1000);
        stopwatch const watch;
        auto const sum = co_await skynet(ex, 0, n);
        auto const took = watch.ms();
        expect(sum == sum_below(n), "skynet");
        co_return figures{{"skynet", took, "ms"}};
    });
}

task<std::uint64_t> fib(executor ex, std::uint64_t n) {
    if (n < 2) co_return n;
    std::uint64_t left = 0;
    wait_group group(ex, 1);
    start(ex, fib(ex, n - 1), group, left);
    // No coroutine for a leaf that is computed here.
    auto const right = n - 2 < 2 ? n - 2 : co_await fib(ex, n - 2);
    co_await group.wait();
    co_return left + right;
}

figures run_fib(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        (void)co_await fib(ex, 15);
        stopwatch const watch;
        auto const result = co_await fib(ex, n);
        auto const took = watch.ms();
        expect(result == fibonacci(n), "fib");
        co_return figures{{"fib", took, "ms"}};
    });
}

// Asio's channel where threads share it. With one thread a ring and two lists of who waits are all it takes, and faster.
using concurrent_channel = asio::experimental::basic_concurrent_channel<executor, asio::experimental::channel_traits<>,
                                                                        void(error_code, std::uint64_t)>;

class local_channel {
  public:
    local_channel(executor ex, std::size_t capacity) : ex_(ex), ring_(capacity) {}

    bool try_send(error_code, std::uint64_t value) {
        if (!receivers_.empty()) {
            asio::post(ex_, [value, resume = std::move(receivers_.front())]() mutable { resume(value); });
            receivers_.pop_front();
            return true;
        }
        if (count_ == ring_.size()) return false;
        push(value);
        return true;
    }
    template <class F>
    bool try_receive(F f) {
        if (count_ == 0) return false;
        f(error_code(), ring_[first_]);
        first_ = first_ + 1 < ring_.size() ? first_ + 1 : 0;
        --count_;
        if (!senders_.empty()) {
            push(senders_.front().value);
            asio::post(ex_, std::move(senders_.front().resume));
            senders_.pop_front();
        }
        return true;
    }
    // Only after the try has failed.
    auto async_send(error_code, std::uint64_t value, asio::deferred_t) {
        return asio::async_initiate<asio::deferred_t const, void()>(
            [this, value](auto handler) { senders_.emplace_back(value, std::move(handler)); }, deferred);
    }
    auto async_receive(asio::deferred_t) {
        return asio::async_initiate<asio::deferred_t const, void(std::uint64_t)>(
            [this](auto handler) { receivers_.emplace_back(std::move(handler)); }, deferred);
    }

  private:
    struct sender {
        std::uint64_t value;
        std::move_only_function<void()> resume;
    };

    void push(std::uint64_t value) {
        auto const at = first_ + count_++;
        ring_[at < ring_.size() ? at : at - ring_.size()] = value;
    }

    executor ex_;
    std::vector<std::uint64_t> ring_;
    std::size_t first_ = 0, count_ = 0;
    std::deque<sender> senders_;
    std::deque<std::move_only_function<void(std::uint64_t)>> receivers_;
};

template <class Channel>
bool take(Channel& from, std::uint64_t& value) {
    return from.try_receive([&](error_code, std::uint64_t v) { value = v; });
}

template <class Channel>
task<void> echo_tokens(Channel& in, Channel& out, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
        std::uint64_t token = 0;
        if (!take(in, token)) token = co_await in.async_receive(deferred);
        if (!out.try_send(error_code(), token)) co_await out.async_send(error_code(), token, deferred);
    }
}

template <class Channel>
task<std::uint64_t> play(executor ex, std::uint64_t n) {
    Channel ping(ex, 1), pong(ex, 1);
    wait_group group(ex, 1);
    start(ex, echo_tokens(ping, pong, n), group);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        if (!ping.try_send(error_code(), i)) co_await ping.async_send(error_code(), i, deferred);
        std::uint64_t token = 0;
        if (!take(pong, token)) token = co_await pong.async_receive(deferred);
        sum += token;
    }
    co_await group.wait();
    co_return sum;
}

constexpr std::uint64_t sides = 4;

template <class Channel>
task<void> produce(Channel& out, std::uint64_t first, std::uint64_t n) {
    for (auto i = first; i < n; i += sides)
        if (!out.try_send(error_code(), i)) co_await out.async_send(error_code(), i, deferred);
}

// Closing a channel of this version loses what is in it, so the end is a message, one for each consumer.
constexpr std::uint64_t the_end = ~std::uint64_t{0};

template <class Channel>
task<std::uint64_t> consume(Channel& in) {
    for (std::uint64_t sum = 0;;) {
        std::uint64_t value = 0;
        if (!take(in, value)) value = co_await in.async_receive(deferred);
        if (value == the_end) co_return sum;
        sum += value;
    }
}

template <class Channel>
task<std::uint64_t> pass_on(executor ex, std::uint64_t n) {
    Channel line(ex, 1024);
    wait_group producers(ex, sides), consumers(ex, sides);
    std::array<std::uint64_t, sides> sums{};
    for (std::uint64_t i = 0; i < sides; ++i) {
        start(ex, produce(line, i, n), producers);
        start(ex, consume(line), consumers, sums[i]);
    }
    co_await producers.wait();
    for (std::uint64_t i = 0; i < sides; ++i)
        if (!line.try_send(error_code(), the_end)) co_await line.async_send(error_code(), the_end, deferred);
    co_await consumers.wait();
    std::uint64_t sum = 0;
    for (auto const s : sums) sum += s;
    co_return sum;
}

using channel_work = task<std::uint64_t> (*)(executor, std::uint64_t);

figures timed(char const* what, unsigned workers, std::uint64_t n, channel_work work) {
    return on(workers, [=](executor ex) -> task<figures> {
        (void)co_await work(ex, 10'000);
        stopwatch const watch;
        auto const sum = co_await work(ex, n);
        auto const each = watch.ns_each(n);
        expect(sum == sum_below(n), what);
        co_return figures{{what, each, "ns"}};
    });
}

figures run_pingpong(unsigned workers, std::uint64_t n) {
    return timed("pingpong", workers, n, workers == 1 ? play<local_channel> : play<concurrent_channel>);
}
figures run_mpmc(unsigned workers, std::uint64_t n) {
    return timed("mpmc", workers, n, workers == 1 ? pass_on<local_channel> : pass_on<concurrent_channel>);
}

// Many wait for one opening.
class gate {
  public:
    gate(executor ex, std::size_t expected) : ex_(ex) { waiting_.reserve(expected); }

    task<void> wait() {
        return asio::async_initiate<asio::use_awaitable_t<executor> const, void()>(
            [this](auto handler) {
                std::lock_guard const held(lock_);
                waiting_.emplace_back(std::move(handler));
            },
            awaited);
    }
    std::size_t waiting() {
        std::lock_guard const held(lock_);
        return waiting_.size();
    }
    void open() {
        for (auto& w : waiting_) asio::post(ex_, std::move(w));
    }

  private:
    executor ex_;
    std::mutex lock_;
    std::vector<std::move_only_function<void()>> waiting_;
};

struct parked_figures {
    double bytes, spawn_ns, release_ns;
};

task<void> pass_through(gate& g) { return g.wait(); }

task<parked_figures> park_all(executor ex, std::uint64_t n) {
    auto const before = resident_bytes();
    gate g(ex, n);
    wait_group group(ex, n);
    stopwatch const spawning;
    for (std::uint64_t i = 0; i < n; ++i) {
        start(ex, pass_through(g), group);
        if (i % 1024 == 1023) co_await asio::post(ex, deferred);
    }
    while (g.waiting() < n) co_await asio::post(ex, deferred);
    auto const spawned = spawning.ns_each(n);
    auto const grown = resident_bytes() - before;
    stopwatch const releasing;
    g.open();
    co_await group.wait();
    co_return parked_figures{grown / static_cast<double>(n), spawned, releasing.ns_each(n)};
}

figures run_parked(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        auto const cold = co_await park_all(ex, n);
        auto const warm = co_await park_all(ex, n);
        co_return figures{{"parked", cold.bytes, "bytes"}, {"parked_spawn", warm.spawn_ns, "ns"},
                          {"parked_release", warm.release_ns, "ns"}};
    });
}

using timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;

task<void> sleeper(executor ex, std::uint64_t ms, std::atomic<std::uint64_t>& slept) {
    timer t(ex, std::chrono::milliseconds(ms));
    co_await t.async_wait(deferred);
    slept.fetch_add(1, std::memory_order_relaxed);
}

figures run_sleep(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        std::atomic<std::uint64_t> slept{0};
        wait_group group(ex, n);
        auto const cpu = cpu_ms();
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i) start(ex, sleeper(ex, i % 1000, slept), group);
        co_await group.wait();
        auto const took = watch.ms();
        expect(slept.load() == n, "sleep");
        co_return figures{{"sleep", took, "ms"}, {"sleep_cpu", cpu_ms() - cpu, "ms"}};
    });
}

task<std::uint64_t> ready(std::uint64_t i) { co_return i; }

figures run_timeout_storm(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        using namespace asio::experimental::awaitable_operators;
        std::uint64_t sum = 0;
        timer t(ex);
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i) {
            t.expires_after(std::chrono::hours(1));
            auto const first = co_await (ready(i) || t.async_wait(awaited));
            sum += std::get<0>(first);
        }
        auto const each = watch.ns_each(n);
        expect(sum == sum_below(n), "timeout_storm");
        co_return figures{{"timeout_storm", each, "ns"}};
    });
}

task<void> sleep_for_an_hour(executor ex) {
    timer t(ex, std::chrono::hours(1));
    co_await t.async_wait(deferred);
}

figures run_abort(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        struct sleeping {
            explicit sleeping(executor e) : over(e, 1) {}
            asio::cancellation_signal abort;
            wait_group over;
        };
        std::deque<sleeping> tasks;
        std::uint64_t aborted = 0;
        for (std::uint64_t i = 0; i < n; ++i) {
            auto& t = tasks.emplace_back(ex);
            asio::co_spawn(ex, sleep_for_an_hour(ex), asio::bind_cancellation_slot(t.abort.slot(), [&](std::exception_ptr e) {
                aborted += e != nullptr;
                t.over.done();
            }));
        }
        timer parked(ex, std::chrono::milliseconds(300));
        co_await parked.async_wait(deferred);
        stopwatch const watch;
        for (auto& t : tasks) {
            t.abort.emit(asio::cancellation_type::terminal);
            co_await t.over.wait();
        }
        auto const each = watch.ns_each(n);
        expect(aborted == n, "abort");
        co_return figures{{"abort", each, "ns"}};
    });
}

constexpr std::uint64_t in_flight = 64;

task<void> keep_one_in_flight(executor ex, asio::thread_pool& pool, std::uint64_t first, std::uint64_t n,
                              std::atomic<std::uint64_t>& sum) {
    for (auto i = first; i < n; i += in_flight)
        sum += co_await asio::async_initiate<asio::use_awaitable_t<executor> const, void(std::uint64_t)>(
            [&](auto handler) {
                asio::post(pool, [ex, i, h = std::move(handler)]() mutable {
                    asio::post(ex, [i, h = std::move(h)]() mutable { h(i); });
                });
            },
            awaited);
}

figures run_blocking(unsigned workers, std::uint64_t n) {
    return on(workers, [n](executor ex) -> task<figures> {
        asio::thread_pool pool(in_flight);
        std::atomic<std::uint64_t> sum{0};
        wait_group group(ex, in_flight);
        stopwatch const watch;
        for (std::uint64_t i = 0; i < in_flight; ++i) start(ex, keep_one_in_flight(ex, pool, i, n, sum), group);
        co_await group.wait();
        auto const each = watch.ns_each(n);
        expect(sum.load() == sum_below(n), "blocking");
        co_return figures{{"blocking", each, "ns"}};
    }, true);
}

using tcp = asio::ip::tcp;
using connection = asio::basic_stream_socket<tcp, executor>;

task<void> echo(connection client) {
    std::array<char, 4096> buffer;
    for (;;) {
        auto const [error, got] = co_await client.async_read_some(asio::buffer(buffer), asio::as_tuple(deferred));
        if (error) co_return;
        auto const [failed, written] =
            co_await asio::async_write(client, asio::buffer(buffer, got), asio::as_tuple(deferred));
        if (failed) co_return;
    }
}

task<void> http(connection client) {
    constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    constexpr std::string_view end = "\r\n\r\n";
    std::array<char, 4096> buffer;
    std::string answers;
    std::size_t matched = 0;  // of `end`, over reads
    for (;;) {
        auto const [error, got] = co_await client.async_read_some(asio::buffer(buffer), asio::as_tuple(deferred));
        if (error) co_return;
        answers.clear();
        for (char const c : std::string_view(buffer.data(), got)) {
            matched = c == end[matched] ? matched + 1 : c == end[0] ? 1 : 0;
            if (matched < end.size()) continue;
            matched = 0;
            answers += answer;
        }
        if (answers.empty()) continue;
        auto const [failed, written] = co_await asio::async_write(client, asio::buffer(answers), asio::as_tuple(deferred));
        if (failed) co_return;
    }
}

figures serve(unsigned workers, std::uint64_t port, task<void> (*answer)(connection)) {
    if (port > 65535) throw std::invalid_argument("N is the port: 1 to 65535");
    return on(workers, [=](executor ex) -> task<figures> {
        asio::basic_socket_acceptor<tcp, executor> acceptor(
            ex, tcp::endpoint(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port)));
        acceptor.listen(4096);
        for (;;) {
            connection client(ex);
            co_await acceptor.async_accept(client, deferred);
            client.set_option(tcp::no_delay(true));
            asio::co_spawn(ex, answer(std::move(client)), asio::detached);
        }
    });
}

figures run_echo(unsigned workers, std::uint64_t port) { return serve(workers, port, echo); }
figures run_http(unsigned workers, std::uint64_t port) { return serve(workers, port, http); }

}  // namespace

int main(int argc, char** argv) {
    return peer::run_main("asio",
        {
            {"yield", 10'000'000, 1, 1, run_yield},
            {"spawn_join", 1'000'000, 1, any, run_spawn_join},
            {"spawn_batch", 2'000'000, 1, any, run_spawn_batch},
            {"skynet", 1'000'000, 1, any, run_skynet},
            {"fib", 27, 1, any, run_fib},
            {"pingpong", 1'000'000, 1, any, run_pingpong},
            {"mpmc", 4'000'000, 1, any, run_mpmc},
            {"parked", 1'000'000, 1, any, run_parked},
            {"sleep", 1'000'000, 1, any, run_sleep},
            {"timeout_storm", 5'000'000, 1, any, run_timeout_storm},
            {"abort", 100'000, 1, 1, run_abort},
            {"blocking", 200'000, 1, any, run_blocking},
            {"echo", 7777, 1, any, run_echo},
            {"http", 8080, 1, any, run_http},
        },
        argc, argv);
}
