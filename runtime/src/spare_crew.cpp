#include "spare_crew.hpp"

#include "scheduler.hpp"
#include "thread_name.hpp"

#include <algorithm>
#include <pthread.h>

namespace ramie::detail {

void spare_crew::want() noexcept {
    std::lock_guard const held(mutex_);
    if (wanted_.fetch_add(1, std::memory_order_relaxed) + 1 <= active_.load(std::memory_order_relaxed) || stopping_) return;
    try {
        auto const resting = std::find_if(spares_.begin(), spares_.end(), [](auto const& s) { return !s->on_duty; });
        if (resting != spares_.end()) return put_on_duty(**resting);
        if (spares_.size() == most_) return;
        auto made = std::make_unique<spare>();
        spares_.reserve(spares_.size() + 1);
        made->who = &home_.add_spare();
        put_on_duty(*spares_.emplace_back(std::move(made)));
    } catch (...) {
        // No memory, or no thread: as if the limit were reached. The other workers share the work.
    }
}

void spare_crew::put_on_duty(spare& s) {
    if (!s.has_thread) {
        if (s.thread.joinable()) s.thread.join();  // it has left serve()
        s.thread = std::thread([this, &s] { serve(s); });
        s.has_thread = true;
    }
    s.on_duty = true;
    active_.fetch_add(1, std::memory_order_relaxed);
    duty_.notify_all();
}

void spare_crew::serve(spare& s) noexcept {
    ::pthread_setname_np(::pthread_self(), thread_name(home_.options.thread_name, "-spare").c_str());
    std::unique_lock held(mutex_);
    while (!stopping_) {
        if (!duty_.wait_for(held, std::chrono::seconds(10), [&] { return s.on_duty || stopping_; })) break;
        if (stopping_) break;
        held.unlock();
        s.who->run();
        held.lock();
    }
    s.has_thread = false;
}

bool spare_crew::may_rest(worker& w) noexcept {
    if (!too_many()) return false;
    std::lock_guard const held(mutex_);
    if (!too_many()) return false;
    active_.fetch_sub(1, std::memory_order_relaxed);
    auto const me = std::find_if(spares_.begin(), spares_.end(), [&](auto const& s) { return s->who == &w; });
    (*me)->on_duty = false;
    return true;
}

void spare_crew::stop() noexcept {
    {
        std::lock_guard const held(mutex_);
        stopping_ = true;
        duty_.notify_all();
    }
    for (auto& s : spares_)
        if (s->thread.joinable()) s->thread.join();
}

}  // namespace ramie::detail
