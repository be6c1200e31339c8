// A C++ program that knows only std::thread and pthreads: the edges. edges NAME runs one of them and prints what came out.
#include <atomic>
#include <barrier>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <latch>
#include <map>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

std::atomic<int> wrong{0};
void must(bool holds, char const* what) {
    if (holds) return;
    ++wrong;
    std::printf("wrong: %s\n", what);
}
#define MUST(x) must((x), #x)

struct counts {
    int value = 7;
    static inline std::atomic<int> destroyed{0};
    ~counts() { ++destroyed; }
};
thread_local counts local;

template <class F>
void in_threads(int n, F&& f) {
    std::vector<std::thread> all;
    for (int i = 0; i < n; ++i) all.emplace_back(f, i);
    for (auto& t : all) t.join();
}

void exceptions() {
    in_threads(200, [](int i) {
        local.value = i;
        for (int k = 0; k < 10; ++k) {
            try {
                try {
                    throw std::runtime_error(std::to_string(i));
                } catch (std::exception const& e) {
                    usleep(50);
                    MUST(e.what() == std::to_string(i));
                    throw;
                }
            } catch (std::exception const& e) {
                std::this_thread::sleep_for(20us);
                MUST(e.what() == std::to_string(i) && local.value == i && std::uncaught_exceptions() == 0);
            }
        }
    });
    MUST(counts::destroyed == 200);
}

// Every waiting part of the standard library, also those that wait on futexes of their own.
void standard() {
    std::latch ready(3);
    std::barrier<> rounds(2);
    std::counting_semaphore<4> permits(0);
    std::atomic<int> word{0};
    std::shared_mutex shared;
    std::timed_mutex timed;
    std::once_flag once;
    int calls = 0;
    std::promise<int> promise;
    auto const future = promise.get_future().share();
    std::mutex m;
    std::condition_variable_any any;
    std::jthread stopped([&](std::stop_token stop) {
        ready.count_down();
        std::unique_lock held(m);
        any.wait(held, stop, [] { return false; });
    });
    std::jthread a([&] {
        ready.arrive_and_wait();
        rounds.arrive_and_wait();
        permits.acquire();
        word.wait(0);
        std::unique_lock const held(shared);
        std::call_once(once, [&] { ++calls; });
        MUST(future.get() == 3);
    });
    std::jthread b([&] {
        ready.arrive_and_wait();
        rounds.arrive_and_wait();
        MUST(!permits.try_acquire_for(1ms));
        permits.release();
        word = 1;
        word.notify_all();
        std::shared_lock const held(shared);
        std::call_once(once, [&] { ++calls; });
        MUST(timed.try_lock_for(1ms));
        timed.unlock();
        promise.set_value(3);
    });
    auto later = std::async(std::launch::async, [] {
        usleep(500);
        return 42;
    });
    MUST(later.get() == 42);
    a.join();
    b.join();
    stopped.request_stop();
    stopped.join();
    MUST(calls == 1);
}

void identities() {
    std::mutex m;
    std::map<std::thread::id, int> ids;
    in_threads(50, [&](int i) {
        std::lock_guard const held(m);
        ids[std::this_thread::get_id()] = i;
    });
    MUST(!ids.contains(std::this_thread::get_id()) && !ids.empty());
    pthread_t thread;
    MUST(pthread_create(&thread, nullptr, [](void*) -> void* {
             pthread_attr_t attr;
             MUST(pthread_getattr_np(pthread_self(), &attr) == 0);
             void* bottom = nullptr;
             std::size_t size = 0;
             MUST(pthread_attr_getstack(&attr, &bottom, &size) == 0);
             char here = 0;
             MUST(&here > bottom && &here < static_cast<char*>(bottom) + size);
             pthread_attr_destroy(&attr);
             char name[16] = "?";
             MUST(pthread_setname_np(pthread_self(), "much too long a name") == ERANGE);
             MUST(pthread_setname_np(pthread_self(), "worker") == 0);
             MUST(pthread_getname_np(pthread_self(), name, sizeof name) == 0 && std::strcmp(name, "worker") == 0);
             int policy = -1;
             sched_param parameters{};
             MUST(pthread_getschedparam(pthread_self(), &policy, &parameters) == 0 && policy == SCHED_OTHER);
             cpu_set_t set;
             MUST(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0 && CPU_COUNT(&set) > 0);
             return nullptr;
         }, nullptr) == 0);
    MUST(pthread_join(thread, nullptr) == 0);
}

void joins() {
    auto const returns = [](void* p) -> void* {
        usleep(2000);
        return p;
    };
    int x = 0;
    pthread_t t;
    void* result = nullptr;
    MUST(pthread_create(&t, nullptr, returns, &x) == 0);
    MUST(pthread_tryjoin_np(t, &result) == EBUSY);
    timespec past{1, 0}, soon{};
    MUST(pthread_timedjoin_np(t, &result, &past) == ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_sec += 60;
    MUST(pthread_clockjoin_np(t, &result, CLOCK_MONOTONIC, &soon) == 0 && result == &x);
    MUST(pthread_create(&t, nullptr, [](void*) -> void* {
             MUST(pthread_join(pthread_self(), nullptr) == EDEADLK);
             MUST(pthread_detach(pthread_self()) == 0);
             MUST(pthread_detach(pthread_self()) == EINVAL);
             return nullptr;
         }, nullptr) == 0);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 4 << 20);
    static std::atomic<bool> was_deep{false};
    MUST(pthread_create(&t, &attr, [](void*) -> void* {
             char volatile large[3 << 20];
             large[0] = 1;
             large[sizeof large - 1] = 1;
             was_deep = large[0] == 1;
             return nullptr;
         }, nullptr) == 0);
    pthread_attr_destroy(&attr);
    while (!was_deep) usleep(100);
    thrd_t c11;
    int said = 0;
    MUST(thrd_create(&c11, [](void*) { return 5; }, nullptr) == thrd_success && thrd_join(c11, &said) == thrd_success && said == 5);
    MUST(thrd_create(&c11, [](void*) -> int { thrd_exit(6); }, nullptr) == thrd_success && thrd_join(c11, &said) == thrd_success &&
         said == 6);
}

void children() {
    in_threads(10, [](int) {
        auto const child = fork();
        if (child == 0) {
            execl("/bin/true", "true", nullptr);
            _exit(9);
        }
        int status = -1;
        MUST(waitpid(child, &status, 0) == child && status == 0);
        MUST(WEXITSTATUS(std::system("exit 3")) == 3);
        // A child that goes on, with threads of its own: real ones.
        auto const second = fork();
        if (second == 0) {
            int sum = 0;
            std::mutex m;
            in_threads(5, [&](int i) {
                usleep(100);
                std::lock_guard const held(m);
                sum += i;
            });
            _exit(sum);
        }
        MUST(waitpid(second, &status, 0) == second && WIFEXITED(status) && WEXITSTATUS(status) == 10);
        // One whose thread just returns.
        auto const third = fork();
        if (third == 0) return;
        MUST(waitpid(third, &status, 0) == third && status == 0);
    });
}

void libraries() {
    in_threads(20, [](int) {
        void* const z = dlopen("libz.so.1", RTLD_NOW);
        if (z != nullptr) MUST(dlsym(z, "crc32") != nullptr);
        addrinfo* found = nullptr;
        MUST(getaddrinfo("localhost", "80", nullptr, &found) == 0);
        freeaddrinfo(found);
    });
}

void churn() {
    for (int i = 0; i < 3000; ++i)
        std::thread([] {
            std::string const text(3000, 'x');
            local.value += static_cast<int>(text.size());
        }).join();
    MUST(counts::destroyed == 3000);
}

// What is refused, or stays a real thread.
void refused() {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    void* const stack = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_setstack(&attr, stack, 1 << 20);
    pthread_t t;
    auto const is_real = [](void*) -> void* {
        return __builtin_frame_address(0);
    };
    void* where = nullptr;
    MUST(pthread_create(&t, &attr, is_real, nullptr) == 0 && pthread_join(t, &where) == 0);
    MUST(where > stack && where < static_cast<char*>(stack) + (1 << 20));
    pthread_attr_destroy(&attr);
    std::atomic<bool> go{false};
    std::thread waits([&] {
        while (!go) usleep(100);
        MUST(pthread_kill(pthread_self(), 0) == 0);
    });
    MUST(pthread_kill(waits.native_handle(), 0) == 0);
    MUST(pthread_kill(waits.native_handle(), SIGUSR1) == ENOTSUP);
    MUST(pthread_kill(waits.native_handle(), 1000) == EINVAL);
    MUST(pthread_cancel(waits.native_handle()) == ENOTSUP);
    sched_param parameters{};
    MUST(pthread_setschedparam(waits.native_handle(), SCHED_OTHER, &parameters) == 0);
    go = true;
    waits.join();
}

void main_exits_first() {
    std::thread([] {
        usleep(20'000);
        std::puts("the last thread");
        std::fflush(stdout);
    }).detach();
    pthread_exit(nullptr);
}

void exits_in_a_thread() {
    std::atexit([] { std::puts("atexit"); });
    std::thread([] { std::exit(3); }).join();
}

void returns_while_threads_run() {
    for (int i = 0; i < 20; ++i) std::thread([] { sleep(1000); }).detach();
}

void throws() {
    std::thread([] { throw std::runtime_error("nobody catches it"); }).join();
}

std::map<std::string, std::function<void()>> const edges = {
    {"exceptions", exceptions}, {"standard", standard}, {"identities", identities}, {"joins", joins},
    {"children", children}, {"libraries", libraries}, {"churn", churn}, {"refused", refused},
    {"main_exits_first", main_exits_first}, {"exits_in_a_thread", exits_in_a_thread},
    {"returns_while_threads_run", returns_while_threads_run}, {"throws", throws},
};

}  // namespace

int main(int count, char** arguments) {
    edges.at(count > 1 ? arguments[1] : "")();
    std::printf("%s: %d wrong\n", arguments[1], wrong.load());
    return wrong != 0;
}
