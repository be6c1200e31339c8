#include "lot/parking_lot.hpp"

#include "lot/lot_bell.hpp"
#include "posix/blocking_call.hpp"
#include "posix/receiving.hpp"

#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/machine/home_process.hpp>
#include <ramie/detail/switch/lane.hpp>
#include <ramie/detail/task/after.hpp>
#include <ramie/detail/worker/stay.hpp>
#include <ramie/this_fiber.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace ramie::detail::parking_lot {

constinit lot_counters counters{};
constinit atomic<bool> may_look{true};

namespace {

using std::chrono::microseconds;

struct place : wait_node {
    using wait_node::wait_node;
    place* before = nullptr;
    place* behind = nullptr;
    bool listed = false;
    void const* address = nullptr;
    bool told = false;  // woken, and has not tried since
    bool shared = false;
    bool by_call = false;
};

struct bucket {
    word_lock lock;
    place* first = nullptr;  // waits longest
    place* last = nullptr;
    lot_leaver* leavers = nullptr;
    place const* insists = nullptr;

    void push_back(place& p) noexcept {
        p.before = last;
        (last != nullptr ? last->behind : first) = &p;
        last = &p;
        p.listed = true;
    }
    void remove(place& p) noexcept {
        if (!std::exchange(p.listed, false)) return;
        (p.before != nullptr ? p.before->behind : first) = p.behind;
        (p.behind != nullptr ? p.behind->before : last) = p.before;
        p.before = p.behind = nullptr;
    }
};
constinit bucket buckets[lot_counters::buckets];

// A child that has runtimes of its own begins with an empty lot, whatever threads of the parent were about to do.
home_process::child_watcher const anew(nullptr, []() noexcept {
    for (auto& each : buckets) new (&each) bucket;
    for (auto& each : counters.waiting) each.store(0, std::memory_order_relaxed);
    for (auto& each : counters.insisted) each.store(nullptr, std::memory_order_relaxed);
    counters.insisting.store(0, std::memory_order_relaxed);
});

constexpr unsigned patience = 4;                 // times too late before a fiber insists
constexpr microseconds insisting_lasts{10'000};  // after that time the others try all the same
constexpr microseconds look_at_leaver{100};

// Claims the waiter of a place. False: its wait is over already, and it tries by itself.
bool tell(bucket& b, place& p, woken_list& woken) noexcept {
    auto const claimed = p.waiting->state.claim(p.generation, task_state::outcome::woken);
    if (claimed == task_state::claim_result::lost) return false;
    if (claimed == task_state::claim_result::submit_it) woken.add(p);
    p.told = true;
    if (p.by_call) b.remove(p);
    return true;
}

// One wait, from its first try to its end.
class waiting {
  public:
    waiting(waiter& self, lot_wait const& w) noexcept
        : self_(self), w_(w), number_(lot_bucket(w.address)), bucket_(buckets[number_]), place_(self), look_(w.first_look_us) {
        place_.address = w.address;
        place_.shared = w.shared;
        place_.by_call = w.by_call;
        auto most = w.at_most_us;
        if (w.at_most_if_aborted_us != 0 && is_to_end()) {
            shield_.emplace();
            most = most != 0 ? std::min(most, w.at_most_if_aborted_us) : w.at_most_if_aborted_us;
        } else if (!w.abortable) {
            shield_.emplace();
        }
        if (most != 0) end_ = carrier::now() + microseconds(most);
    }
    waiting(waiting const&) = delete;
    waiting& operator=(waiting const&) = delete;

    int run() noexcept {
        if (w_.is_lock) {
            auto const quick = spin();
            if (quick != lot_wait::again) return quick;
        }
        take_place();
        auto const result = wait_for_it();
        leave(result);
        return result;
    }
    // A fiber that runs stop_callbacks must not leave its thread: it tries in a loop.
    int run_in_callback() noexcept {
        for (;;) {
            auto const result = w_.attempt(w_.argument);
            if (result != lot_wait::again) return result;
            if (auto const late = limit_passed(); late != 0) return late;
            give_processor_away();
        }
    }

  private:
    enum class how : std::uint8_t { woken, looks, ends };

    // An abort or a timeout would end the wait before it begins.
    bool is_to_end() const noexcept {
        if (self_.state.abort_requested() && !self_.masked()) return true;
        auto limit = carrier::now();
        return self_.scopes != nullptr && self_.next_deadline(uncaught_exceptions(), limit) != nullptr;
    }

    int wait_for_it() noexcept {
        bool was_woken = false;
        for (;;) {
            auto const got = may_try() ? w_.attempt(w_.argument) : static_cast<int>(lot_wait::again);
            if (got != lot_wait::again) return got;
            if (was_woken && w_.insists && ++too_late_ >= patience) insist();
            if (auto const late = limit_passed(); late != 0) return late;
            auto const ended = park_once();
            if (ended.first == how::woken && w_.by_call) return 0;
            if (ended.first == how::ends) {
                if (w_.by_call) return ended.second;
                renew_place();
                auto const last = w_.attempt(w_.argument);
                return last != lot_wait::again ? last : ended.second;
            }
            was_woken = ended.first == how::woken;
            renew_place();
        }
    }

    // The holder may run on another thread at this moment, and soon be done.
    int spin() noexcept {
        if (!others_run_beside(self_)) return lot_wait::again;
        constexpr int longest_pause = 64;
        for (int pauses = 1; pauses <= longest_pause; pauses *= 2) {
            for (int i = 0; i < pauses; ++i) cpu_pause();
            if (!may_try()) return lot_wait::again;
            auto const got = w_.attempt(w_.argument);
            if (got != lot_wait::again) return got;
        }
        return lot_wait::again;
    }

    void take_place() noexcept {
        {
            std::lock_guard const held(bucket_.lock);
            bucket_.push_back(place_);
        }
        counters.waiting[number_].fetch_add(1, std::memory_order_relaxed);  // (1)
        thread_fence(std::memory_order_seq_cst);                            // pairs with (b)
    }

    // From here on the place counts as not told, and belongs to the wait that is open now: a wake that comes before the
    // next park ends that park at once.
    void renew_place() noexcept {
        std::lock_guard const held(bucket_.lock);
        place_.told = false;
        place_.generation = self_.state.generation();
    }

    void leave(int result) noexcept {
        counters.waiting[number_].fetch_sub(1, std::memory_order_relaxed);
        bool told_in_vain = false;
        {
            std::lock_guard const held(bucket_.lock);
            // A wake that came after its last try is passed on to the next in the queue.
            told_in_vain = place_.told && !(w_.by_call && result == 0);
            bucket_.remove(place_);
            if (bucket_.insists == &place_) {
                bucket_.insists = nullptr;
                counters.insisted[number_].store(nullptr, std::memory_order_relaxed);
                counters.insisting.fetch_sub(1, std::memory_order_relaxed);
                told_in_vain |= result != 0;  // the others have not even tried
            }
        }
        if (told_in_vain) (void)wake(w_.address, w_.shared ? lot_wake::group : lot_wake::one);
    }

    void insist() noexcept {
        std::lock_guard const held(bucket_.lock);
        if (bucket_.insists != nullptr) return;
        bucket_.insists = &place_;
        counters.insisted[number_].store(w_.address, std::memory_order_relaxed);
        counters.insisting.fetch_add(1, std::memory_order_relaxed);
    }

    bool another_insists() noexcept {
        if (!w_.is_lock || counters.insisting.load(std::memory_order_relaxed) == 0) return false;
        if (counters.insisted[number_].load(std::memory_order_relaxed) != w_.address) return false;
        std::lock_guard const held(bucket_.lock);
        return bucket_.insists != nullptr && bucket_.insists != &place_;
    }

    // False: another fiber insists, and its time is not over.
    bool may_try() noexcept {
        if (!another_insists()) {
            polite_until_ = never;
            return true;
        }
        auto const now = carrier::now();
        bool const long_enough = now >= polite_until_;
        if (polite_until_ == never || long_enough) {
            polite_until_ = now + polite_for_;
            polite_for_ = std::min(polite_for_ * 2, microseconds(w_.seldom_us));  // many wait: they must not all look often
        }
        return long_enough;
    }

    // 0, or the error with which the wait ends. Also sets limit_.
    int limit_passed() noexcept {
        limit_ = end_;
        auto const now = carrier::now();
        if (now >= end_) return ECANCELED;
        if (w_.until == nullptr) return 0;
        if (w_.until->tv_nsec < 0 || w_.until->tv_nsec >= 1'000'000'000) return EINVAL;
        timespec clock_now{};
        if (::clock_gettime(w_.clock, &clock_now) != 0) return EINVAL;
        auto const left = duration_of(*w_.until) - duration_of(clock_now);
        if (w_.until->tv_sec < 0 || left.count() <= 0) return ETIMEDOUT;
        limit_ = std::min(limit_, after(left));
        return 0;
    }

    std::pair<how, int> park_once() noexcept {
        auto limit = limit_;
        if (w_.owner != nullptr && is_being_left()) {
            limit = std::min(limit, carrier::now() + look_at_leaver);
        } else if (polite_until_ != never) {
            limit = std::min(limit, polite_until_);
        } else if (look_.count() != 0 && (w_.is_looked_for || may_look.load(std::memory_order_relaxed))) {
            limit = std::min(limit, carrier::now() + look_);
            look_ = std::min(look_ * 2, microseconds(w_.seldom_us));
        }
        switch (park_here(self_, place_.generation, {w_.what, w_.address}, limit, w_.on_handler)) {
        case 0: return {how::woken, 0};
        case ECANCELED: return {how::ends, ECANCELED};
        case EINTR: return {how::ends, EINTR};
        case ETIMEDOUT: return {how::ends, lot_wait::outer_deadline};
        case ENOMEM: {  // no memory for a timer: it looks all the time instead
            stay const here(self_);
            carrier::this_lane()->yield();
            return {how::looks, 0};
        }
        default: return {how::looks, 0};  // the limit is checked after the next try
        }
    }

    bool is_being_left() noexcept {
        std::lock_guard const held(bucket_.lock);
        for (auto const* each = bucket_.leavers; each != nullptr; each = each->next) {
            if (each->address != w_.address) continue;
            // bucket_.lock makes the leaver's locking of its lock visible. 0: it unlocks at this moment.
            auto const owner = __atomic_load_n(w_.owner, __ATOMIC_RELAXED);
            if (owner == each->owner || owner == 0) return true;
        }
        return false;
    }

    waiter& self_;
    lot_wait const& w_;
    unsigned const number_;
    bucket& bucket_;
    place place_;
    std::optional<abort_shield> shield_;
    time_point end_ = never, limit_ = never, polite_until_ = never;
    microseconds polite_for_ = insisting_lasts;
    microseconds look_;
    unsigned too_late_ = 0;
};

}  // namespace

int wait(lot_wait const& w) noexcept {
    auto* const self = running_fiber();
    if (self == nullptr) return EPERM;  // the hook asks first
    auto const error = errno;
    if (w.by_handlers) lot_bell::install();
    waiting here(*self, w);
    auto const result = self->runs_stop_callbacks() ? here.run_in_callback() : here.run();
    errno = error;
    return result;
}

unsigned wake(void const* address, lot_wake how) noexcept {
    thread_fence(std::memory_order_seq_cst);  // (b); pairs with (1)
    auto const number = lot_bucket(address);
    if (counters.waiting[number].load(std::memory_order_relaxed) == 0) return 0;
    // In a child that shares the memory a wake-up would be a write to a descriptor of its own.
    if (!home_process::is_surely_here()) return 0;
    auto& b = buckets[number];
    woken_list woken;
    unsigned count = 0;
    bool seen = false;
    std::lock_guard const held(b.lock);
    for (place *p = b.first, *next = nullptr; p != nullptr; p = next) {
        next = p->behind;
        if (p->address != address) continue;
        bool const ends_group = how == lot_wake::group && !p->shared;
        if (ends_group && seen) break;
        if (p->told) {
            if (how == lot_wake::first || ends_group) break;
            seen = true;
            continue;
        }
        if (!tell(b, *p, woken)) continue;
        ++count;
        seen = true;
        if (how == lot_wake::first || how == lot_wake::one || ends_group) break;
    }
    return count;
}

void wake_bucket(unsigned number) noexcept {
    auto& b = buckets[number];
    woken_list woken;
    std::lock_guard const held(b.lock);
    for (auto* p = b.first; p != nullptr; p = p->behind)
        if (!p->by_call && !p->told) (void)tell(b, *p, woken);
}

void leave_unseen(lot_leaver& l) noexcept {
    auto& b = buckets[lot_bucket(l.address)];
    {
        std::lock_guard const held(b.lock);
        l.next = b.leavers;
        if (l.next != nullptr) l.next->prev = &l;
        b.leavers = &l;
    }
    (void)wake(l.address, lot_wake::first);
}

void left_unseen(lot_leaver& l) noexcept {
    auto& b = buckets[lot_bucket(l.address)];
    std::lock_guard const held(b.lock);
    (l.prev != nullptr ? l.prev->next : b.leavers) = l.next;
    if (l.next != nullptr) l.next->prev = l.prev;
}

void wait_at(void const* address, bool (*still)(void*), void* argument) noexcept {
    struct question {
        bool (*still)(void*);
        void* argument;
    } asked{still, argument};
    lot_wait w;
    w.address = address;
    w.what = "a static's initialiser";
    w.argument = &asked;
    w.attempt = [](void* q) noexcept -> int {
        auto const& what = *static_cast<question*>(q);
        return what.still(what.argument) ? static_cast<int>(lot_wait::again) : 0;
    };
    w.by_call = true;
    w.at_most_us = 20'000;
    w.first_look_us = 0;
    if (running_fiber() != nullptr) (void)wait(w);
}

void wake_all(void const* address) noexcept { (void)wake(address, lot_wake::all); }

}  // namespace ramie::detail::parking_lot
