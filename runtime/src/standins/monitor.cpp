#include "standins/monitor.hpp"

#include "scheduler.hpp"
#include "standins/stall_report.hpp"


#include <algorithm>
#include <pthread.h>
#include <utility>

namespace ramie::detail {

using doing = worker_watch::doing;

// The result of one look.
struct monitor::sight {
    unsigned blocked = 0, computing = 0, lent = 0;  // workers
    bool one_moves = false, one_sleeps = false, one_arrives = false;
    bool all_diverted = true;  // posts of the stuck workers go to the injection queue
    std::size_t waiting = 0;   // tasks, roughly; a deadline that is due counts as one
    bool unattended = false;   // there is no worker in the driver
    bool pinned_waits = false; // for a stuck worker, and not reported yet

    unsigned stuck() const noexcept { return blocked + computing; }
    bool anything_waits() const noexcept { return waiting > 0 || unattended; }
    bool none_is_free() const noexcept { return !one_moves && !one_sleeps && !one_arrives; }
};

monitor::monitor(scheduler& home) : home_(home), rule_(home.options.workers, home.spares.most()) {}

void monitor::start() {
    watches_.reserve(home_.workers.most());  // on its thread no caller could be told that there is no memory
    thread_ = plain_thread([this] {
        ::pthread_setname_np(::pthread_self(), "ramie-monitor");
        watch();
    });
}

void monitor::stop() noexcept {
    if (!thread_.joinable()) return;
    rest_.stop();
    thread_.join();
}

bool monitor::may_rescue() const noexcept { return home_.spares.most() > 0; }

// --- when to look ---

void monitor::watch() {
    last_look_ = clock::now();
    auto const pause = home_.options.stall_threshold;
    while (!rest_.is_stopped()) {
        auto const how = look();
        if (how != mood::calm) pauses_ = 1;
        if (how == mood::alert || last_look_ < may_rest_from_) {
            rest_.pause(last_look_ + pause);
        } else if (how == mood::idle) {
            rest_.rest(never, [this] { return none_moves(); });
            // If it rests for moments only, it looks again after a pause, so that it is not woken thousands of times a
            // second.
            auto const now = clock::now();
            may_rest_from_ = now - last_look_ > rest_to_be_long * pause ? now : now + pause;
        } else {
            rest_.rest(last_look_ + pauses_ * pause, [this] { return none_moves(); });
            pauses_ = std::min(2 * pauses_, longest_pause);
        }
    }
}

// Since the last look. A worker says that it is up (`asleep_`, `lent_by_`) before it calls wake().
bool monitor::none_moves() const noexcept {
    for (std::size_t i = 0; i < home_.workers.size(); ++i) {
        auto const& w = home_.workers[i];
        if (w.is_asleep() || w.is_lent()) continue;
        bool const known = i < watches_.size() && watches_[i].now() == doing::stuck;
        if (!known || !watches_[i].is_where_it_was(w.picks())) return false;
    }
    return true;
}

// --- a look ---

monitor::mood monitor::look() {
    auto const now = clock::now();
    auto const s = see(now - last_look_);
    last_look_ = now;
    if (may_rescue()) {
        hand_on(s);
        home_.spares.rescue(rule_.look({s.blocked, s.computing, s.anything_waits() && s.none_is_free(), s.waiting}));
        looks_crowded_ = home_.spares.too_many() ? looks_crowded_ + 1 : 0;
        if (looks_crowded_ >= 8) home_.spares.dismiss();
    }
    report(s);
    return after(s);
}

monitor::sight monitor::see(std::chrono::nanoseconds since_last) {
    sight s;
    auto const last = clock::now();
    watches_.resize(home_.workers.size());
    for (std::size_t i = 0; i < watches_.size(); ++i) {
        auto& w = home_.workers[i];
        auto& watched = watches_[i];
        auto const seen = w.is_asleep() ? doing::sleeps : w.is_lent() ? doing::lent : doing::stuck;
        auto const now = watched.look(seen, w.picks(), since_last, [&] { return w.computed(); });
        s.one_moves = s.one_moves || now == doing::moves;
        s.lent += now == doing::lent;
        w.mark_stuck(now == doing::stuck, watched.stuck_for());
        w.note_time(last);
        if (now == doing::stuck) {
            attend_stuck(w, watched);
            ++(watched.is_blocked() ? s.blocked : s.computing);
            s.all_diverted = s.all_diverted && (w.is_diverted() || !may_rescue());
            s.pinned_waits = s.pinned_waits || (w.has_own() && !watched.reported);
        }
        if (now == doing::stuck || now == doing::lent) {
            s.waiting += w.stealable();
            if (may_rescue() && w.has_own()) home_.move_pinned(w);
            else s.waiting += w.has_own() + w.has_next();
        }
    }
    s.waiting += home_.injected.size() + (home_.first_deadline() <= clock::now() ? 1 : 0);
    s.one_sleeps = home_.idle.sleeping() > 0;
    s.one_arrives = home_.spares.one_arrives();
    s.unattended = may_rescue() && !home_.in_driver.is_attended();
    return s;
}

// Step 1.
void monitor::attend_stuck(worker& w, worker_watch& watched) {
    bool const waits = home_.injected.size() > 0 || w.stealable() > 0 || w.has_next() || w.has_own() ||
                       home_.first_deadline() <= clock::now();
    if (waits && !std::exchange(watched.counted, true)) stalls_.fetch_add(1, std::memory_order_relaxed);
    if (!may_rescue()) return;
    if (auto* const t = w.give_next()) home_.injected.push(*t);
    if (watched.is_blocked()) w.divert();
}

// Step 2, a and b.
void monitor::hand_on(sight const& s) {
    if (s.stuck() + s.lent == 0) return;
    if (s.one_sleeps) {
        if (s.waiting > 0 || (s.unattended && !s.one_moves)) home_.wake_for_stuck();
    } else if (s.one_moves || s.one_arrives) {
        home_.spares.in_company([this] { relocate(); });
    }
}

void monitor::relocate() {
    for (std::size_t i = 0; i < watches_.size(); ++i) {
        auto const& watched = watches_[i];
        if (watched.now() != doing::lent && !watched.is_given_up()) continue;
        while (home_.injected.size() < window) {
            auto* const t = home_.workers[i].give_oldest();
            if (t == nullptr) break;
            home_.injected.push(*t);
        }
    }
}

// Step 3.
void monitor::report(sight const& s) {
    bool const unserved = s.waiting > 0 && s.none_is_free() && !home_.spares.may_grow();
    if (!unserved) looks_unserved_ = 0;
    else if (looks_unserved_++ == 0) unserved_since_ = last_look_;
    for (std::size_t i = 0; i < watches_.size(); ++i) {
        auto& watched = watches_[i];
        if (watched.now() != doing::stuck || watched.looks_stuck() < looks_until_report) continue;
        if (home_.workers[i].has_own() && may_rescue() && !std::exchange(watched.reported, true))
            report_pinned_behind(home_, home_.workers[i], watched.stuck_for());
    }
    if (looks_unserved_ == looks_until_report) report_all_stuck(home_, s.waiting, last_look_ - unserved_since_);
}

// Step 4.
monitor::mood monitor::after(sight const& s) {
    if (s.one_moves || s.one_arrives) return mood::alert;
    if (s.stuck() == 0) {
        if (s.lent > 0 && !s.one_sleeps) return mood::alert;  // there is no worker for work that may come
        rule_.all_sleep();
        if (may_rescue()) home_.spares.rescue(0);
        if (home_.spares.too_many()) home_.spares.dismiss();
        return mood::idle;
    }
    if (!may_rescue()) return s.waiting == 0 ? mood::calm : mood::alert;
    bool const attended = s.one_sleeps && !s.unattended;
    return s.computing == 0 && s.all_diverted && s.waiting == 0 && attended && !s.pinned_waits ? mood::calm : mood::alert;
}

}  // namespace ramie::detail
