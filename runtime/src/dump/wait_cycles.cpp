#include "dump/wait_cycles.hpp"

#include "dump/plain_text.hpp"
#include "scheduler.hpp"

#include <ramie/detail/wait/thread_waiter.hpp>

#include <algorithm>
#include <cstring>

namespace ramie::detail {

namespace {

struct asks_nothing final : held_questions {
    void ask(waiter const&, char const*, void const*) noexcept override {}
};

// For whom that wait is. Null: that is not known.
waiter const* next_of(wait_sight const& w) noexcept {
    if (w.what == nullptr) return nullptr;
    if (std::strcmp(w.what, "join") == 0) return static_cast<task const*>(w.object);
    return w.for_lock ? w.holder : nullptr;
}

bool waits_for_same(waiter& w, wait_cycles::wait const& as) noexcept {
    held_waiter const held(w);
    asks_nothing nothing;
    if (!held) return false;
    auto const now = wait_sight::of(w, nothing);
    return now.generation == as.generation && next_of(now) == as.next;
}

bool waits_still(waiter& w, wait_cycles::wait const& as) noexcept {
    held_waiter const held(w);
    return held && w.state.generation() == as.generation;
}

// References to the tasks of suspected circles.
class members {
  public:
    members(std::vector<wait_cycles::cycle> const& of, std::vector<std::shared_ptr<scheduler>> const& runtimes) {
        for (auto const& circle : of)
            for (auto const& each : circle) wanted_.push_back(each);
        std::ranges::sort(wanted_, {}, &wait_cycles::wait::who);
        for (auto const& s : runtimes) {
            s->live.for_each([&](task& t) {
                auto const* const w = find(&t);
                if (w == nullptr || w->number != t.id()) return;
                there_.push_back(&t);
                t.ref();
            });
        }
        std::ranges::sort(there_);
    }
    members(members const&) = delete;
    members& operator=(members const&) = delete;
    ~members() {
        for (auto* const t : there_) t->unref();
    }

    // Whether `question` says yes for all of the circle.
    template <class Question>
    bool all(wait_cycles::cycle const& circle, Question question) {
        std::size_t yes = 0;
        struct to_threads {
            wait_cycles::cycle const& circle;
            Question& question;
            std::size_t& yes;
        } with{circle, question, yes};
        // A thread is there as long as the list is locked.
        thread_waiter::for_each(
            [](thread_waiter& w, int thread, void* p) {
                auto& to = *static_cast<to_threads*>(p);
                for (auto const& each : to.circle)
                    if (each.who == &w && each.number == static_cast<std::uint64_t>(thread) && to.question(w, each))
                        ++to.yes;
            },
            &with);
        for (auto const& each : circle) {
            auto const at = std::ranges::lower_bound(there_, each.who, {}, [](task* t) -> waiter const* { return t; });
            if (at != there_.end() && *at == each.who && question(**at, each)) ++yes;
        }
        return yes == circle.size();
    }

  private:
    wait_cycles::wait const* find(waiter const* w) const noexcept {
        auto const at = std::ranges::lower_bound(wanted_, w, {}, &wait_cycles::wait::who);
        return at != wanted_.end() && at->who == w ? &*at : nullptr;
    }

    std::vector<wait_cycles::wait> wanted_;
    std::vector<task*> there_;
};

}  // namespace

void wait_cycles::add(waiter const& w, std::uint64_t number, wait_sight const& seen) {
    auto const* const next = next_of(seen);
    if (next == nullptr || waits_.size() == most_waits) return;
    waits_.push_back({&w, next, seen.generation, number, !w.is_fiber(), seen.what, seen.object});
}

std::string wait_cycles::text_of(cycle const& circle, bool addresses) {
    auto const name_of = [](wait const& w) {
        return (w.by_thread ? "thread " : "task ") + std::to_string(w.number);
    };
    std::string text;
    for (std::size_t i = 0; i < circle.size(); ++i) {
        auto const& w = circle[i];
        text += "  " + name_of(w) + " waits for " + w.what;
        if (std::strcmp(w.what, "join") == 0) text += " of ";
        else text += (addresses ? " " + address_text(w.object) : "") + ", held by ";
        text += name_of(circle[(i + 1) % circle.size()]) + "\n";
    }
    return text;
}

// Each waits for one: so from any of them there is one way, which ends or comes to a circle.
std::vector<wait_cycles::cycle> wait_cycles::suspected() {
    std::ranges::sort(waits_, {}, &wait::who);
    auto const place_of = [&](waiter const* w) -> std::size_t {
        auto const at = std::ranges::lower_bound(waits_, w, {}, &wait::who);
        return at != waits_.end() && at->who == w ? static_cast<std::size_t>(at - waits_.begin()) : waits_.size();
    };
    std::vector<cycle> circles;
    std::vector<std::size_t> way_of(waits_.size(), 0);  // on which way it was come to; 0: on none yet
    for (std::size_t start = 0; start < waits_.size(); ++start) {
        auto at = start;
        while (at < waits_.size() && way_of[at] == 0) {
            way_of[at] = start + 1;
            at = place_of(waits_[at].next);
        }
        if (at == waits_.size() || way_of[at] != start + 1) continue;
        auto& circle = circles.emplace_back();
        auto const first = at;
        do {
            circle.push_back(waits_[at]);
            at = place_of(waits_[at].next);
        } while (at != first);
    }
    return circles;
}

std::vector<wait_cycles::cycle> wait_cycles::find(std::vector<std::shared_ptr<scheduler>> const& runtimes) {
    auto circles = suspected();
    if (circles.empty()) return circles;
    members all(circles, runtimes);
    std::erase_if(circles, [&](cycle const& c) { return !all.all(c, waits_for_same) || !all.all(c, waits_still); });
    return circles;
}

std::vector<wait_cycles::cycle> circles_of_waits(scheduler& s) {
    wait_cycles all;
    asks_nothing nothing;
    s.live.for_each([&](task& t) {
        if (held_waiter const held(t); held) all.add(t, t.id(), wait_sight::of(t, nothing));
    });
    return all.find({s.shared_from_this()});
}

}  // namespace ramie::detail
