#include "dump/observer.hpp"

#include "scheduler.hpp"

#include <cstring>

namespace ramie::detail {

namespace {

// A thread that cannot answer has blocked all signals, or is in a system call that no signal ends.
constexpr std::chrono::milliseconds patience{100};

}  // namespace

worker* observer::runner_of(task const& t) const noexcept {
    for (auto const& w : home_.workers)
        if (w->current == &t) return w.get();
    return nullptr;
}

void observer::ask(waiter const& held, char const* what, void const* object) noexcept {
    auto& s = *seen_;
    if (std::strcmp(what, "join") == 0) {
        s.joins = static_cast<task const*>(object)->id();  // its joiner waits, and so it is still there
    } else if (object != nullptr && home_.watch->look(object, s.outside)) {
        s.world = home_.watch.get();
    }
    if (!held.is_fiber()) return;
    if (auto const* const timer = static_cast<task const&>(held).timer) {
        timers_ = timer->heap;
        timer_number_ = timer->number;
    }
}

std::optional<sighting> observer::look(task& t) {
    sighting s;
    seen_ = &s;
    timers_ = nullptr;
    s.id = t.id();
    s.name = t.name();
    s.where = t.where();
    s.pinned = t.pinned;
    s.blocking = t.is_job();
    s.aborted = t.state.abort_requested();
    auto* by = t.is_job() ? nullptr : runner_of(t);
    if (by == nullptr) {
        auto const seen = watcher_.look(t, *this);
        if (seen.now == sighting::doing::has_ended) return std::nullopt;
        s.now = seen.now;
        s.wait = seen.wait;
        s.stack = seen.stack;
        if (t.is_job() && s.now == sighting::doing::is_ready) s.now = sighting::doing::runs;  // a job has no turns
        if (timers_ != nullptr) s.deadline = timers_->deadline_of(&t, timer_number_);
        if (seen.last != nullptr) s.worker = static_cast<int>(static_cast<worker const*>(seen.last)->index);
        // It may have begun to run just now. Then what was copied is not its stack.
        by = s.now == sighting::doing::is_ready ? runner_of(t) : nullptr;
        if (by == nullptr && seen.has_copy) note_stack(s);
    }
    if (by != nullptr) look_at_running(t, *by, s);
    return s;
}

void observer::look_at_running(task& t, worker& by, sighting& s) {
    s.now = sighting::doing::runs;
    s.worker = static_cast<int>(by.index);
    s.answer = thread_question::answer::silent;
    if (book_ == nullptr) return;
    thread_question question{by.thread(), by, t, watcher_.copy()};
    s.answer = question.ask(patience);
    if (s.answer != thread_question::answer::stack) return;
    s.stack = question.use;
    note_stack(s);
}

void observer::note_stack(sighting& s) {
    if (book_ != nullptr) s.stands_at = book_->find(watcher_.copy());
}

}  // namespace ramie::detail
