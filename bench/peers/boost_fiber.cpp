// Boost.Fiber, with work_stealing (-DWORK_STEALING) or round_robin.
//
// - launch::dispatch, its fast path for fork and join: the child runs at once, on the stack just touched.
// - Its pooled_fixedsize_stack is not safe when a fiber ends on another thread than it began on, so the pool here is a
//   cache per thread over a shared one. 16 KiB, without guards.
// - work_stealing spins when idle (its default): told to sleep, a thief is never woken for new work.
//   With one thread it looks for another to steal from for ever as soon as nothing is ready: no `sleep` there.
//
// Left out: abort (there is none), blocking (no pool), echo and http (no sockets).
// round_robin shares nothing among threads: one worker only.
#include "peer.hpp"

#include <boost/fiber/all.hpp>

#include <sys/mman.h>

#include <atomic>
#include <mutex>
#include <new>
#include <thread>

namespace {

using namespace peer;
namespace fibers = boost::fibers;

#ifdef WORK_STEALING
constexpr char const* name = "boost_fiber_ws";
constexpr unsigned least_to_idle = 2, most_workers = any;
void use_scheduler(unsigned workers) {
    fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(workers);
}
#else
constexpr char const* name = "boost_fiber_rr";
constexpr unsigned least_to_idle = 1, most_workers = 1;
void use_scheduler(unsigned) { fibers::use_scheduling_algorithm<fibers::algo::round_robin>(); }
#endif

class stack_cache {
  public:
    static constexpr std::size_t size = 16 * 1024;

    boost::context::stack_context allocate() {
        auto& cache = mine();
        if (cache.empty()) refill(cache);
        boost::context::stack_context s;
        s.size = size;
        s.sp = cache.back();
        cache.pop_back();
        return s;
    }

    void deallocate(boost::context::stack_context& s) noexcept {
        auto& cache = mine();
        cache.push_back(s.sp);
        if (cache.size() < 2 * batch) return;
        std::lock_guard const held(lock_);
        spare_.insert(spare_.end(), cache.end() - batch, cache.end());
        cache.resize(cache.size() - batch);
    }

  private:
    static constexpr std::ptrdiff_t batch = 1024;
    using tops = std::vector<void*>;

    [[gnu::noinline]] static tops& mine() {
        static thread_local tops cache;
        return cache;
    }

    static void refill(tops& cache) {
        {
            std::lock_guard const held(lock_);
            if (!spare_.empty()) {
                auto const first = spare_.end() - std::min<std::ptrdiff_t>(batch, std::ssize(spare_));
                cache.assign(first, spare_.end());
                spare_.erase(first, spare_.end());
                return;
            }
        }
        auto* const slab = ::mmap(nullptr, batch * size, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (slab == MAP_FAILED) throw std::bad_alloc();
        // A huge page would make every stack resident.
        (void)::madvise(slab, batch * size, MADV_NOHUGEPAGE);
        for (auto i = batch; i > 0; --i) cache.push_back(static_cast<char*>(slab) + i * static_cast<std::ptrdiff_t>(size));
    }

    static inline std::mutex lock_;
    static inline tops spare_;
};

template <class F>
fibers::fiber spawn(F f, fibers::launch how = fibers::launch::dispatch) {
    return fibers::fiber(how, std::allocator_arg, stack_cache{}, std::move(f));
}

// The root is the main fiber of this thread; the other threads carry whatever they steal.
template <class F>
figures on(unsigned workers, F root) {
    fibers::mutex lock;
    fibers::condition_variable_any ended;
    bool over = false;
    std::vector<std::thread> others;
    for (unsigned i = 1; i < workers; ++i)
        others.emplace_back([&] {
            use_scheduler(workers);
            std::unique_lock held(lock);
            ended.wait(held, [&] { return over; });
        });
    use_scheduler(workers);
    auto const end = [&] {
        {
            std::unique_lock const held(lock);
            over = true;
        }
        ended.notify_all();
        for (auto& t : others) t.join();
    };
    try {
        auto result = root();
        end();
        return result;
    } catch (...) {
        end();
        throw;
    }
}

figures run_yield(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        std::uint64_t turned = 0;
        auto const turns = [&](std::uint64_t count) {
            return [&turned, count] {
                for (std::uint64_t i = 0; i < count; ++i) boost::this_fiber::yield();
                turned += count;
            };
        };
        spawn(turns(10'000)).join();
        turned = 0;
        stopwatch const watch;
        auto a = spawn(turns(n / 2), fibers::launch::post), b = spawn(turns(n - n / 2), fibers::launch::post);
        a.join();
        b.join();
        auto const each = watch.ns_each(n);
        expect(turned == n, "yield");
        return figures{{"yield", each, "ns"}};
    });
}

figures run_spawn_join(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        std::uint64_t ran = 0;
        for (int i = 0; i < 10'000; ++i) spawn([&] { ++ran; }).join();
        ran = 0;
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i) spawn([&] { ++ran; }).join();
        auto const each = watch.ns_each(n);
        expect(ran == n, "spawn_join");
        return figures{{"spawn_join", each, "ns"}};
    });
}

figures run_spawn_batch(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        std::vector<fibers::fiber> batch(1000);
        std::uint64_t joined = 0;
        auto const round = [&] {
            for (auto& f : batch) f = spawn([] {});
            for (auto& f : batch) f.join(), ++joined;
        };
        for (int i = 0; i < 10; ++i) round();
        joined = 0;
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; i += batch.size()) round();
        auto const took = watch.ns();
        return figures{{"spawn_batch", took / static_cast<double>(joined), "ns"}};
    });
}

std::uint64_t skynet(std::uint64_t first, std::uint64_t size) {
    if (size == 1) return first;
    fibers::fiber children[10];
    std::uint64_t sums[10];
    for (std::uint64_t i = 0; i < 10; ++i)
        children[i] = spawn([&sum = sums[i], start = first + i * (size / 10), part = size / 10] { sum = skynet(start, part); });
    std::uint64_t sum = 0;
    for (int i = 0; i < 10; ++i) {
        children[i].join();
        sum += sums[i];
    }
    return sum;
}

figures run_skynet(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        (void)skynet(0, 1000);
        stopwatch const watch;
        auto const sum = skynet(0, n);
        auto const took = watch.ms();
        expect(sum == sum_below(n), "skynet");
        return figures{{"skynet", took, "ms"}};
    });
}

std::uint64_t fib(std::uint64_t n) {
    if (n < 2) return n;
    std::uint64_t left = 0;
    auto child = spawn([&left, n] { left = fib(n - 1); });
    auto const right = fib(n - 2);
    child.join();
    return left + right;
}

figures run_fib(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        (void)fib(15);
        stopwatch const watch;
        auto const result = fib(n);
        auto const took = watch.ms();
        expect(result == fibonacci(n), "fib");
        return figures{{"fib", took, "ms"}};
    });
}

using channel = fibers::buffered_channel<std::uint64_t>;

// A buffered_channel of size 2 holds one.
std::uint64_t play(std::uint64_t n) {
    channel ping(2), pong(2);
    auto echo = spawn([&] {
        std::uint64_t token = 0;
        while (ping.pop(token) == fibers::channel_op_status::success) pong.push(token);
    });
    std::uint64_t sum = 0, token = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        ping.push(i);
        pong.pop(token);
        sum += token;
    }
    ping.close();
    echo.join();
    return sum;
}

std::uint64_t pass_on(std::uint64_t n) {
    constexpr std::uint64_t sides = 4;
    channel line(1024);
    fibers::fiber producers[sides], consumers[sides];
    std::uint64_t sums[sides] = {};
    for (std::uint64_t p = 0; p < sides; ++p) {
        producers[p] = spawn([&line, p, n] {
            for (auto i = p; i < n; i += sides) line.push(i);
        }, fibers::launch::post);
        consumers[p] = spawn([&line, &out = sums[p]] {
            std::uint64_t sum = 0, message = 0;
            while (line.pop(message) == fibers::channel_op_status::success) sum += message;
            out = sum;
        }, fibers::launch::post);
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
    return on(workers, [=] {
        (void)work(10'000);
        stopwatch const watch;
        auto const sum = work(n);
        auto const each = watch.ns_each(n);
        expect(sum == sum_below(n), what);
        return figures{{what, each, "ns"}};
    });
}

figures run_pingpong(unsigned workers, std::uint64_t n) { return timed("pingpong", workers, n, play); }
figures run_mpmc(unsigned workers, std::uint64_t n) { return timed("mpmc", workers, n, pass_on); }

figures run_mutex(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        constexpr std::uint64_t tasks = 1000;
        fibers::mutex lock;
        std::uint64_t count = 0;
        auto const all = [&](std::uint64_t turns) {
            std::vector<fibers::fiber> handles;
            handles.reserve(tasks);
            for (std::uint64_t i = 0; i < tasks; ++i)
                handles.push_back(spawn([&lock, &count, turns] {
                    for (std::uint64_t t = 0; t < turns; ++t) {
                        {
                            std::lock_guard const held(lock);
                            ++count;
                        }
                        boost::this_fiber::yield();
                    }
                }, fibers::launch::post));
            for (auto& h : handles) h.join();
        };
        all(10);
        count = 0;
        stopwatch const watch;
        all(n);
        auto const each = watch.ns_each(tasks * n);
        expect(count == tasks * n, "mutex");
        return figures{{"mutex", each, "ns"}};
    });
}

struct parked_figures {
    double bytes, spawn_ns, release_ns;
};

parked_figures park_all(std::uint64_t n) {
    std::vector<fibers::fiber> tasks;
    tasks.reserve(n);
    fibers::mutex lock;
    fibers::condition_variable gate;
    std::uint64_t arrived = 0;
    bool open = false;
    auto const before = resident_bytes();
    stopwatch const spawning;
    for (std::uint64_t i = 0; i < n; ++i)
        tasks.push_back(spawn([&] {
            std::unique_lock held(lock);
            ++arrived;
            gate.wait(held, [&] { return open; });
        }));
    for (;;) {
        {
            std::lock_guard const held(lock);
            if (arrived == n) break;
        }
        boost::this_fiber::yield();
    }
    auto const spawned = spawning.ns_each(n);
    auto const grown = resident_bytes() - before;
    stopwatch const releasing;
    {
        std::lock_guard const held(lock);
        open = true;
    }
    gate.notify_all();
    for (auto& t : tasks) t.join();
    return {grown / static_cast<double>(n), spawned, releasing.ns_each(n)};
}

figures run_parked(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        auto const cold = park_all(n);
        auto const warm = park_all(n);
        return figures{{"parked", cold.bytes, "bytes"}, {"parked_spawn", warm.spawn_ns, "ns"},
                       {"parked_release", warm.release_ns, "ns"}};
    });
}

// At 1 worker nothing starts before the root waits; more would steal.
figures run_unstarted(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        std::vector<fibers::fiber> tasks(n);
        std::uint64_t started = 0;
        auto const before = resident_bytes();
        for (auto& t : tasks) t = spawn([&] { ++started; }, fibers::launch::post);
        auto const grown = resident_bytes() - before;
        expect(started == 0, "unstarted: some had started");
        for (auto& t : tasks) t.join();
        expect(started == n, "unstarted");
        return figures{{"unstarted", grown / static_cast<double>(n), "bytes"}};
    });
}

figures run_sleep(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        std::vector<fibers::fiber> tasks;
        tasks.reserve(n);
        std::atomic<std::uint64_t> slept{0};
        auto const cpu = cpu_ms();
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i)
            tasks.push_back(spawn([&slept, i] {
                boost::this_fiber::sleep_for(std::chrono::milliseconds(i % 1000));
                slept.fetch_add(1, std::memory_order_relaxed);
            }));
        for (auto& t : tasks) t.join();
        auto const took = watch.ms();
        expect(slept.load() == n, "sleep");
        return figures{{"sleep", took, "ms"}, {"sleep_cpu", cpu_ms() - cpu, "ms"}};
    });
}

// No timeout goes round an operation; the operations have timed forms of their own.
figures run_timeout_storm(unsigned workers, std::uint64_t n) {
    return on(workers, [n] {
        fibers::promise<std::uint64_t> promise;
        auto ready = promise.get_future();
        promise.set_value(1);
        std::uint64_t in_time = 0;
        stopwatch const watch;
        for (std::uint64_t i = 0; i < n; ++i)
            in_time += ready.wait_for(std::chrono::hours(1)) == fibers::future_status::ready;
        auto const each = watch.ns_each(n);
        expect(in_time == n, "timeout_storm");
        return figures{{"timeout_storm", each, "ns"}};
    });
}

}  // namespace

int main(int argc, char** argv) {
    return peer::run_main(name,
        {
            {"yield", 10'000'000, 1, 1, run_yield},
            {"spawn_join", 1'000'000, 1, most_workers, run_spawn_join},
            {"spawn_batch", 2'000'000, 1, most_workers, run_spawn_batch},
            {"skynet", 1'000'000, 1, most_workers, run_skynet},
            {"fib", 27, 1, most_workers, run_fib},
            {"pingpong", 1'000'000, 1, most_workers, run_pingpong},
            {"mpmc", 4'000'000, 1, most_workers, run_mpmc},
            {"mutex", 1000, 1, most_workers, run_mutex},
            {"parked", 1'000'000, 1, most_workers, run_parked},
            {"unstarted", 1'000'000, 1, 1, run_unstarted},
            {"sleep", 1'000'000, least_to_idle, most_workers, run_sleep},
            {"timeout_storm", 5'000'000, 1, most_workers, run_timeout_storm},
        },
        argc, argv);
}
