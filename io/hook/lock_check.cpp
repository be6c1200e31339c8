#include "lock_check.hpp"

#include "waiting.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <utility>

#include <execinfo.h>
#include <sys/mman.h>

namespace ramie::hook {

constinit bool checks_locks = false;

namespace {

struct stack_trace {
    static constexpr int most = 32;
    std::array<void*, most> frames{};
    int count = 0;

    void take() noexcept { count = ::backtrace(frames.data(), most); }
    // A place is the chain of callers; the fiber does not matter.
    std::uint64_t place() const noexcept {
        constexpr int compared = 12;
        std::uint64_t hash = 1469598103934665603u;
        for (int i = 0; i < count && i < compared; ++i)
            hash = (hash ^ reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(i)])) * 1099511628211u;
        return hash;
    }
    void print() const noexcept { ::backtrace_symbols_fd(frames.data(), count, 2); }
};

struct record {
    void const* lock = nullptr;
    std::uint64_t fiber = 0;
    char const* kind = "";
    unsigned depth = 0;
    stack_trace where;
    record* next = nullptr;
};

// Everything is under one lock: this is a tool for finding mistakes, not for normal use.
class registry {
  public:
    void lock() noexcept {
        while (held_.exchange(true, std::memory_order_acquire)) {}  // pairs with the release in unlock()
    }
    void unlock() noexcept { held_.store(false, std::memory_order_release); }

    record* find(void const* lock, std::uint64_t fiber) noexcept {
        for (auto* r = list_of(lock); r != nullptr; r = r->next)
            if (r->lock == lock && (fiber == 0 || r->fiber == fiber)) return r;
        return nullptr;
    }
    // Null: no memory; then the lock is not recorded.
    record* add(void const* lock) noexcept {
        if (free_ == nullptr) allocate();
        if (free_ == nullptr) return nullptr;
        auto* const r = std::exchange(free_, free_->next);
        r->lock = lock;
        r->next = list_of(lock);
        list_of(lock) = r;
        return r;
    }
    void remove(record& r) noexcept {
        auto** at = &list_of(r.lock);
        while (*at != &r) at = &(*at)->next;
        *at = r.next;
        r.next = free_;
        free_ = &r;
    }
    template <class F>
    void for_each_of(std::uint64_t fiber, F&& f) noexcept {
        for (auto* list : lists_)
            for (auto* r = list; r != nullptr; r = r->next)
                if (r->fiber == fiber) f(*r);
    }
    noted_wait::link*& waits() noexcept { return waits_; }

  private:
    record*& list_of(void const* lock) noexcept { return lists_[detail::lot_bucket(lock)]; }
    // Not by malloc, because malloc may be the one that locks.
    void allocate() noexcept {
        constexpr std::size_t at_once = 256;
        auto* const room = ::mmap(nullptr, at_once * sizeof(record), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (room == MAP_FAILED) return;
        auto* const records = static_cast<record*>(room);
        for (std::size_t i = 0; i < at_once; ++i) {
            records[i].next = free_;
            free_ = &records[i];
        }
    }

    std::atomic<bool> held_{false};
    std::array<record*, detail::lot_counters::buckets> lists_{};
    record* free_ = nullptr;
    noted_wait::link* waits_ = nullptr;
};
constinit registry known_locks;

// In a child the parent's other threads are missing, and one of them may have held the lock.
[[gnu::constructor]] void unlock_in_children() noexcept {
    (void)::pthread_atfork(nullptr, nullptr, []() noexcept { known_locks.unlock(); });
}

void say(char const* format, auto... parts) noexcept {
    char line[320];
    auto const length = static_cast<std::size_t>(std::snprintf(line, sizeof line, format, parts...));
    (void)!real().libc.write(2, line, std::min(length, sizeof line - 1));
}

// True only once for each pair of places.
bool is_new(std::uint64_t place) noexcept {
    constexpr int most_places = 256;
    static std::array<std::uint64_t, most_places> seen{};
    static std::size_t count = 0;
    auto const end = seen.begin() + static_cast<std::ptrdiff_t>(count);
    if (count == most_places || std::find(seen.begin(), end, place) != end) return false;
    seen[count++] = place;
    return true;
}

// Begins at this fiber's wait and follows, in turn, the lock it waits for, the fiber that holds the lock, and that
// fiber's wait.
void look_for_circle(noted_wait::link const& mine) noexcept {
    constexpr int longest = 64;
    std::array<record*, longest> circle{};
    auto const* wait = &mine;
    for (std::size_t n = 0; n < longest; ++n) {
        circle[n] = known_locks.find(wait->lock, 0);
        if (circle[n] == nullptr) return;
        auto const holder = circle[n]->fiber;
        if (holder != mine.fiber) {
            wait = known_locks.waits();
            while (wait != nullptr && wait->fiber != holder) wait = wait->next;
            if (wait == nullptr) return;
            continue;
        }
        stack_trace here;
        here.take();
        say("ramie-hook: deadlock: %zu fiber%s wait%s for each other's pthread locks; the last one waits here:\n", n + 1,
            n == 0 ? "" : "s", n == 0 ? "s" : "");
        here.print();
        for (std::size_t i = 0; i <= n; ++i) {
            say("  the %s at %p was locked here:\n", circle[i]->kind, circle[i]->lock);
            circle[i]->where.print();
        }
        return;
    }
}

}  // namespace

void note_locked(detail::hook_calls const& calls, void const* lock, char const* kind) noexcept {
    auto const fiber = calls.number();
    if (fiber == 0) return;
    stack_trace where;
    where.take();
    for (int i = 0; i < where.count; ++i)
        if (is_in_allocator(where.frames[static_cast<std::size_t>(i)])) return;
    known_locks.lock();
    auto* r = known_locks.find(lock, fiber);
    bool const first = r == nullptr;
    if (first) {
        r = known_locks.add(lock);
        if (r != nullptr) r->fiber = fiber, r->depth = 0, r->kind = kind, r->where = where;
    }
    if (r != nullptr) ++r->depth;
    known_locks.unlock();
    if (first && r != nullptr) calls.begin_hold();
}

void note_unlocking(detail::hook_calls const& calls, void const* lock) noexcept {
    auto const fiber = calls.number();
    known_locks.lock();
    auto* const own = fiber != 0 ? known_locks.find(lock, fiber) : nullptr;
    auto* const r = own != nullptr ? own : known_locks.find(lock, 0);  // a fiber's lock, unlocked by another
    bool const last = r != nullptr && --r->depth == 0;
    if (last) known_locks.remove(*r);
    known_locks.unlock();
    if (last && own != nullptr) calls.end_hold();
}

noted_wait::noted_wait(detail::hook_calls const& calls, void const* lock) noexcept {
    if (!checks_locks) return;
    link_.fiber = calls.number();
    link_.lock = lock;
    known_locks.lock();
    link_.next = known_locks.waits();
    if (link_.next != nullptr) link_.next->prev = &link_;
    known_locks.waits() = &link_;
    look_for_circle(link_);
    known_locks.unlock();
}

noted_wait::~noted_wait() {
    if (link_.fiber == 0) return;
    known_locks.lock();
    (link_.prev != nullptr ? link_.prev->next : known_locks.waits()) = link_.next;
    if (link_.next != nullptr) link_.next->prev = link_.prev;
    known_locks.unlock();
}

void report_locks(char const* task, char const* waits_in, std::uint64_t number) noexcept {
    if (std::strncmp(waits_in, "pthread_mutex", 13) == 0 || std::strncmp(waits_in, "pthread_rwlock", 14) == 0) return;
    stack_trace here;
    here.take();
    unsigned held = 0;
    bool news = false;
    known_locks.lock();
    known_locks.for_each_of(number, [&](record const& r) {
        ++held;
        news |= is_new(here.place() * 31 + r.where.place());
    });
    if (news) {
        say("ramie-hook: %s waits in %s while it holds %u pthread lock%s:\n", task, waits_in, held, held == 1 ? "" : "s");
        here.print();
        known_locks.for_each_of(number, [&](record const& r) {
            say("  the %s at %p was locked here:\n", r.kind, r.lock);
            r.where.print();
        });
    }
    known_locks.unlock();
}

}  // namespace ramie::hook
