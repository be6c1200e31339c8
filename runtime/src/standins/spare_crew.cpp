#include "standins/spare_crew.hpp"

#include "scheduler.hpp"
#include "worker/thread_name.hpp"

#include <ramie/detail/wait/futex.hpp>

#include <algorithm>
#include <pthread.h>

namespace ramie::detail {

spare_crew::spare_crew(scheduler& home, unsigned most) : home_(home), most_(most) {}

void spare_crew::want() noexcept {
    std::lock_guard const held(mutex_);
    lent_.fetch_add(1, std::memory_order_relaxed);
    fill();
}

void spare_crew::rescue(unsigned stuck) noexcept {
    std::lock_guard const held(mutex_);
    stuck_.store(stuck, std::memory_order_relaxed);
    fill();
}

void spare_crew::fill() noexcept {
    if (stopping_ || active() >= wanted()) return;
    if (!home_.workers[0].alone.end()) return;  // the monitor asks again
    try {
        while (active() < wanted()) {
            auto* const next = find_resting();
            if (next == nullptr) return;
            put_on_duty(*next);
        }
    } catch (...) {
        // No memory, or no thread: as if the limit were reached. The other workers share the work, and the monitor asks
        // again.
    }
}

// Null: there are as many as there may be.
spare_crew::spare* spare_crew::find_resting() {
    auto const resting = std::find_if(spares_.begin(), spares_.end(), [](auto const& s) { return !s->on_duty; });
    if (resting != spares_.end()) return resting->get();
    if (spares_.size() == most_) return nullptr;
    auto made = std::make_unique<spare>();
    spares_.reserve(spares_.size() + 1);
    made->stand_in = &home_.add_spare();
    return spares_.emplace_back(std::move(made)).get();
}

void spare_crew::put_on_duty(spare& s) {
    if (!s.has_thread) {
        if (s.thread.joinable()) s.thread.join();  // it has left serve()
        s.thread = plain_thread([this, &s] { serve(s); });
        s.has_thread = true;
    }
    s.on_duty = true;
    active_.fetch_add(1, std::memory_order_relaxed);
    arriving_.fetch_add(1, std::memory_order_relaxed);
    call(s);
}

void spare_crew::call(spare& s) noexcept {
    s.calls.fetch_add(1, std::memory_order_relaxed);
    futex_wake(s.calls);
}

// False: it was not called for ten seconds.
bool spare_crew::await_call(spare& s, std::unique_lock<plain_mutex>& held) noexcept {
    auto const limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    bool in_time = true;
    while (!s.on_duty && !stopping_) {
        if (!in_time) return false;
        auto const seen = s.calls.load(std::memory_order_relaxed);
        held.unlock();
        in_time = futex_wait(s.calls, seen, limit);
        held.lock();
    }
    return true;
}

void spare_crew::serve(spare& s) noexcept {
    ::pthread_setname_np(::pthread_self(), thread_name(home_.options.thread_name, "-spare").c_str());
    std::unique_lock held(mutex_);
    // (If the runtime is stopping, a spare leaves its loop without going off duty.)
    while (!stopping_ && !home_.stopping.load(std::memory_order_relaxed)) {
        if (!await_call(s, held) || stopping_) break;
        held.unlock();
        s.stand_in->run();
        held.lock();
    }
    s.has_thread = false;
}

bool spare_crew::may_rest(worker& w) noexcept {
    if (!too_many()) return false;
    std::lock_guard const held(mutex_);
    if (!too_many()) return false;
    active_.fetch_sub(1, std::memory_order_relaxed);
    spares_[w.index - home_.options.workers]->on_duty = false;
    return true;
}

void spare_crew::dismiss() noexcept {
    std::lock_guard const held(mutex_);
    auto surplus = active() - std::min(active(), wanted());
    for (auto const& s : spares_) {
        if (surplus == 0) return;
        if (!s->on_duty || !s->stand_in->is_asleep()) continue;
        s->stand_in->unpark();
        --surplus;
    }
}

bool spare_crew::leaves_alone(worker& w) noexcept {
    if (active() > 0) return false;
    std::unique_lock const held(mutex_, std::try_to_lock);
    if (!held.owns_lock() || active() > 0 || wanted() > 0) return false;
    w.alone.begin();
    return true;
}

bool spare_crew::is_in_company() const noexcept { return home_.workers[0].alone.is_in_company(); }

void spare_crew::stop() noexcept {
    {
        std::lock_guard const held(mutex_);
        stopping_ = true;
        for (auto const& s : spares_) call(*s);
    }
    for (auto& s : spares_)
        if (s->thread.joinable()) s->thread.join();
}

}  // namespace ramie::detail
