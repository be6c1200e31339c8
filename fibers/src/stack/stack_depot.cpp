#include "stack/stack_depot.hpp"

#include "stack/stack_class.hpp"
#include "stack/stack_pages.hpp"
#include "stack/wide_slots.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace ramie::detail {

unsigned stack_depot::shelf_for(stack_slab const& slab) noexcept {
    if (slab.used() == 0) return idle_shelf;
    if (slab.used() == slab.slots()) return full_shelf;
    return 1 + slab.used() * (full_shelf - 1) / slab.slots();
}

void stack_depot::reshelve(stack_slab& slab) noexcept {
    auto const shelf = shelf_for(slab);
    if (slab.linked() && slab.shelf == shelf) return;
    auto& row = shelves_of(slab.apart());
    row[slab.shelf].remove(slab);
    slab.shelf = shelf;
    row[shelf].push_back(slab);
    if (shelf == idle_shelf) slab.idle_since = std::chrono::steady_clock::now();
}

stack_slab* stack_depot::fullest(spacing apart) noexcept {
    auto& row = shelves_of(apart);
    for (auto shelf = full_shelf - 1; shelf > idle_shelf; --shelf)
        if (!row[shelf].empty()) return &row[shelf].front();
    auto& idle = row[idle_shelf];
    if (idle.empty()) return nullptr;
    // The slab that is idle for the shortest time serves, so that the others age. (The back: what precedes the head,
    // which precedes the front.)
    return static_cast<stack_slab*>(idle.front().prev->prev);
}

// A new slab; null if no more are allowed, or no address space is left for one.
stack_slab* stack_depot::wide_slab() noexcept {
    auto& budget = wide_slots_here();
    auto const space = limited_address_space();
    auto wanted = slots_per_slab(size_class_, spacing::wide);
    if (space) wanted = std::min(wanted, static_cast<unsigned>(space->largest_slab() / slot_distance(size_class_, spacing::wide)));
    auto const slots = budget.take(wanted, address_space_limit());
    if (slots == 0) return nullptr;
    try {
        auto* const slab = new stack_slab(size_class_, spacing::wide, slots);
        budget.give_back(slots - slab->slots());
        return slab;
    } catch (std::bad_alloc const&) {
        budget.give_back(slots);
        return nullptr;
    }
}

// Throws std::bad_alloc.
stack_slab* stack_depot::close_slab() {
    auto const slots = close_slots(size_class_, limited_address_space());
    if (slots == 0) throw std::bad_alloc();
    return new stack_slab(size_class_, spacing::close, slots);
}

stack_list stack_depot::take(unsigned wanted) {
    stack_list taken;
    std::lock_guard const lock(mutex_);
    while (taken.count < wanted) {
        auto* slab = fullest(spacing::wide);
        if (slab == nullptr && taken.count == 0) slab = wide_slab();
        if (slab == nullptr) slab = fullest(spacing::close);
        if (slab == nullptr) {
            if (taken.count > 0) break;
            slab = close_slab();
        }
        hot_ -= slab->hot();
        while (taken.count < wanted)
            if (auto* const s = slab->take()) taken.push(s);
            else break;
        hot_ += slab->hot();
        reshelve(*slab);
    }
    return taken;
}

void stack_depot::put(stack_list list) noexcept {
    // All watermarks are prefetched together.
    for (auto* s = list.head; s != nullptr; s = s->next) __builtin_prefetch(hot_page_of(*s));
    for (auto* s = list.head; s != nullptr; s = s->next)
        if (s->guard != guard_kind::none_yet) return_deep_pages(*s);

    std::lock_guard const lock(mutex_);
    while (auto* const s = list.pop()) {
        auto& slab = *s->slab;
        hot_ -= slab.hot();
        slab.put(s);
        hot_ += slab.hot();
        reshelve(slab);
    }
    if (hot_ > 0 && cooled_at_ == never) cooled_at_ = std::chrono::steady_clock::now();
}

stack_depot::time_point stack_depot::trim(time_point now, duration decay) noexcept {
    std::lock_guard const trimming(trimming_);
    unmap_idle(now, decay);
    bool const due = [&] {
        std::lock_guard const lock(mutex_);
        return cooled_at_ != never && now - cooled_at_ >= decay;
    }();
    if (due) cool();

    std::lock_guard const lock(mutex_);
    if (due) cooled_at_ = now;
    if (hot_ == 0) cooled_at_ = never;
    auto next = cooled_at_ == never ? never : cooled_at_ + decay;
    for (auto const apart : both) {
        auto& idle = shelves_of(apart)[idle_shelf];
        if (!idle.empty()) next = std::min(next, idle.front().idle_since + decay);
    }
    return next;
}

// The idle shelves are sorted by time, because a slab goes to the back when it becomes idle.
void stack_depot::unmap_idle(time_point now, duration decay) noexcept {
    intrusive_list<stack_slab> leaving;
    {
        std::lock_guard const lock(mutex_);
        for (auto const apart : both) {
            auto& idle = shelves_of(apart)[idle_shelf];
            while (!idle.empty() && now - idle.front().idle_since >= decay) {
                auto& slab = idle.front();
                idle.remove(slab);
                hot_ -= slab.hot();
                leaving.push_back(slab);
            }
        }
    }
    while (!leaving.empty()) {
        auto& slab = leaving.front();
        leaving.remove(slab);
        bool const gone = slab.unmap();
        std::lock_guard const lock(mutex_);
        if (gone) {
            ++slabs_unmapped_;
            if (slab.apart() == spacing::wide) wide_slots_here().give_back(slab.slots());
            delete &slab;
        } else {
            hot_ += slab.hot();
            reshelve(slab);
        }
    }
}

// Slab by slab, each a short visit to the mutex. A slab that changes shelves meanwhile may wait for the next pass; its
// low-water mark then covers a longer time, which does no harm.
void stack_depot::cool() noexcept {
    ++pass_;
    std::unique_lock lock(mutex_);
    while (auto* const slab = next_to_cool()) {
        hot_ -= slab->hot();
        auto const idle = slab->take_uncalled_for();
        hot_ += slab->hot();
        reshelve(*slab);
        // If no stack was taken out, another thread may unmap the slab as soon as the lock is free; with one out, the
        // slab counts as used.
        if (idle.head == nullptr) continue;
        lock.unlock();
        for (auto* s = idle.head; s != nullptr; s = s->next) return_all_pages(*s);
        lock.lock();
        slab->put_cold(idle);
        reshelve(*slab);
    }
}

stack_slab* stack_depot::next_to_cool() noexcept {
    for (auto const apart : both) {
        for (auto shelf = idle_shelf + 1; shelf < full_shelf; ++shelf) {
            auto& slabs = shelves_of(apart)[shelf];
            if (slabs.empty() || slabs.front().cooled_in == pass_) continue;
            auto& slab = slabs.front();
            slab.cooled_in = pass_;
            slabs.remove(slab);
            slabs.push_back(slab);
            return &slab;
        }
    }
    return nullptr;
}

void stack_depot::count(stack_metrics& m) noexcept {
    std::lock_guard const lock(mutex_);
    auto const add = [&](stack_slab const& slab) {
        m.live += slab.used();  // or cached; the caller subtracts the cached ones
        m.idle += slab.hot() + slab.cold();
        m.fresh += slab.fresh();
        if (slab.apart() == spacing::wide) m.wide += slab.slots();
        m.bytes_mapped += slab.bytes();
        ++m.slabs;
    };
    for (auto& row : shelves_)
        for (auto& shelf : row) shelf.for_each(add);
    m.slabs_unmapped += slabs_unmapped_;
}

namespace {

// The depots of all classes, built in place and never destroyed.
class depot_row {
  public:
    depot_row() noexcept {
        for (std::uint8_t c = 0; c < stack_class_count; ++c) ::new (at(c)) stack_depot(c);
    }
    stack_depot* at(std::uint8_t c) noexcept { return reinterpret_cast<stack_depot*>(room_) + c; }

  private:
    alignas(stack_depot) std::byte room_[sizeof(stack_depot) * stack_class_count];
};

}  // namespace

stack_depot& depot_of(std::uint8_t size_class) noexcept {
    static depot_row row;
    return *row.at(size_class);
}

}  // namespace ramie::detail
