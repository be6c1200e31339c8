#include "stack/stack_class.hpp"
#include "stack/stack_depot.hpp"
#include "stack/stack_guard.hpp"
#include "stack/stack_pages.hpp"

#include <ramie/detail/fence/atomic.hpp>
#include <ramie/detail/wait/plain_mutex.hpp>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace ramie::detail {

namespace {

// All caches that exist, for statistics.
struct cache_register {
    plain_mutex mutex;
    std::vector<stack_cache const*> caches;
};

cache_register& all_caches() noexcept {
    static auto& never_destroyed = *new cache_register;
    return never_destroyed;
}

atomic<std::chrono::nanoseconds::rep> decay{std::chrono::nanoseconds(default_stack_decay).count()};

}  // namespace

stack_cache::stack_cache() {
    auto& all = all_caches();
    std::lock_guard const lock(all.mutex);
    all.caches.push_back(this);
}

stack_cache::~stack_cache() {
    flush();
    auto& all = all_caches();
    std::lock_guard const lock(all.mutex);
    std::erase(all.caches, this);
}

stack* stack_cache::take_any(std::uint8_t size_class) {
    auto& here = magazines_[size_class];
    if (here.loaded.head == nullptr) refill(size_class, here);
    auto* const s = here.loaded.pop();
    count(-1);
    if (s->guard == guard_kind::none_yet) install_guard(*s);
    return s;
}

void stack_cache::make_room(std::uint8_t size_class, magazines& here) noexcept {
    here.full = magazine_size(size_class);
    if (here.loaded.count < here.full) return;
    std::swap(here.loaded, here.spare);
    if (here.loaded.count < here.full) return;
    count(-static_cast<std::ptrdiff_t>(here.full));
    depot_of(size_class).put(std::exchange(here.loaded, {}));
}

void stack_cache::refill(std::uint8_t size_class, magazines& here) {
    std::swap(here.loaded, here.spare);
    if (here.loaded.head != nullptr) return;
    auto const wanted = magazine_size(size_class);
    try {
        here.loaded = depot_of(size_class).take(wanted);
    } catch (std::bad_alloc const&) {
        // Other classes may hold address space that they do not use at the moment.
        for (std::uint8_t c = 0; c < stack_class_count; ++c) depot_of(c).unmap_idle();
        here.loaded = depot_of(size_class).take(wanted);
    }
    count(here.loaded.count);
}

void stack_cache::flush() noexcept {
    for (std::uint8_t c = 0; c < stack_class_count; ++c)
        for (auto* magazine : {&magazines_[c].loaded, &magazines_[c].spare})
            if (magazine->head != nullptr) depot_of(c).put(std::exchange(*magazine, {}));
    count(-static_cast<std::ptrdiff_t>(size()));
}

stack_metrics stack_statistics() noexcept {
    stack_metrics m;
    {
        auto& all = all_caches();
        std::lock_guard const lock(all.mutex);
        for (auto const* cache : all.caches) m.cached += cache->size();
    }
    for (std::uint8_t c = 0; c < stack_class_count; ++c) depot_of(c).count(m);
    // Read one after another while stacks move, so the two may differ a little.
    m.live -= std::min(m.live, m.cached);
    m.madvise_trims = madvise_trims();
    count_guards(m);
    return m;
}

std::chrono::steady_clock::time_point trim_stacks(std::chrono::steady_clock::time_point now) noexcept {
    auto next = std::chrono::steady_clock::time_point::max();
    for (std::uint8_t c = 0; c < stack_class_count; ++c)
        next = std::min(next, depot_of(c).trim(now, stack_decay()));
    return next;
}

std::chrono::nanoseconds stack_decay() noexcept { return std::chrono::nanoseconds(decay.load(std::memory_order_relaxed)); }

void set_stack_decay(std::chrono::nanoseconds d) noexcept {
    constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
    decay.store(std::clamp(d, std::chrono::nanoseconds::zero(), longest).count(), std::memory_order_relaxed);
}

}  // namespace ramie::detail
