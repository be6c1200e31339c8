#include "thread.hpp"

#include "next.hpp"
#include "spin_lock.hpp"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <dlfcn.h>

namespace ramie::threads {

namespace {

// Never destroyed: threads may run while the process ends.
struct table {
    spin_lock lock;
    std::unordered_map<pthread_t, std::shared_ptr<thread>> all;
};
table& known() noexcept {
    static auto* const made = new table;
    return *made;
}

struct counter {
    ramie::mutex lock;
    ramie::condition_variable is_zero;
    std::size_t count = 0;
};
counter& running() noexcept {
    static auto* const made = new counter;
    return *made;
}

// In a child only the thread that forked goes on: the others are no threads there, and nobody can wait for them.
void keep_only_this() noexcept {
    auto const mine = ::pthread_self();
    std::erase_if(known().all, [&](auto const& each) { return each.first != mine; });
    new (&running()) counter;
    running().count = known().all.size();
}

[[maybe_unused]] int const watches_forks = ::pthread_atfork([] { known().lock.lock(); }, [] { known().lock.unlock(); },
                                                            [] {
                                                                keep_only_this();
                                                                known().lock.unlock();
                                                            });

}  // namespace

void* find_next(char const* name) noexcept {
    auto* const found = ::dlsym(RTLD_NEXT, name);
    if (found != nullptr) return found;
    std::fprintf(stderr, "ramie-threads: there is no %s behind this library\n", name);
    std::abort();
}

std::shared_ptr<thread> thread::find(pthread_t id) noexcept {
    std::lock_guard const held(known().lock);
    auto const found = known().all.find(id);
    return found != known().all.end() ? found->second : nullptr;
}

void thread::list(std::shared_ptr<thread> t) {
    {
        std::lock_guard const held(known().lock);
        known().all.emplace(t->id, t);
    }
    std::lock_guard const held(running().lock);
    ++running().count;
}

void thread::forget() noexcept {
    std::shared_ptr<thread> last;
    {
        std::lock_guard const held(known().lock);
        auto const found = known().all.find(id);
        if (found == known().all.end() || found->second.get() != this) return;
        last = std::move(found->second);
        known().all.erase(found);
    }
    seam()->put(std::exchange(state, nullptr));
}

void thread::ends() noexcept {
    {
        std::lock_guard const held(lock);
        ended = true;
        has_ended.notify_all();
        if (detached) forget();
    }
    std::lock_guard const held(running().lock);
    if (--running().count == 0) running().is_zero.notify_all();
}

void thread::wait_for_all() noexcept {
    std::unique_lock held(running().lock);
    running().is_zero.wait(held, [] { return running().count == 0; });
}

}  // namespace ramie::threads
