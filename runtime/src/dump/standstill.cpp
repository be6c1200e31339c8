#include "dump/standstill.hpp"

#include "dump/runtimes.hpp"
#include "scheduler.hpp"

#include <ramie/detail/ground/config.hpp>
#include <ramie/detail/sight/task_sight.hpp>
#include <ramie/detail/switch/plain_thread.hpp>
#include <ramie/detail/wait/thread_waiter.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <string_view>

namespace ramie::detail {

namespace {

// What is brought about by tasks and threads alone.
bool is_among_ourselves(std::string_view what) noexcept {
    constexpr std::array<std::string_view, 15> whole{
        "mutex", "timed_mutex", "recursive_mutex", "recursive_timed_mutex", "condition_variable",
        "semaphore", "notify", "latch", "barrier", "once_flag", "once_cell", "join", "join_set", "scope", "future"};
    constexpr std::array<std::string_view, 6> begins{"shared_mutex", "channel", "oneshot", "broadcast", "watch", "task_tracker"};
    return std::ranges::find(whole, what) != whole.end() ||
           std::ranges::any_of(begins, [&](std::string_view b) { return what.starts_with(b); });
}

std::size_t threads_of_process() {
    namespace fs = std::filesystem;
#if RAMIE_TSAN
    constexpr std::size_t of_the_sanitizer = 1;
#else
    constexpr std::size_t of_the_sanitizer = 0;
#endif
    return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator())) -
           of_the_sanitizer;
}

}  // namespace

class standstill::looker final : private held_questions {
  public:
    std::optional<standing> look() {
        for (auto const& s : all_runtimes()) {
            if (!sleeps(*s) || !all_wait(*s)) return std::nullopt;
        }
        if (found_.tasks == 0 || !threads_wait()) return std::nullopt;
        std::ranges::sort(found_.threads);
        return std::move(found_);
    }

  private:
    // 1.
    bool sleeps(scheduler& s) {
        if (s.is_simulated() || s.is_closing() || s.first_deadline() != never) return false;
        auto const m = s.metrics();
        if (m.queued + m.injected + m.blocking_queued + m.blocking_left_behind != 0) return false;
        for (auto const& w : s.workers) {
            if (!w->is_asleep() || w->is_lent()) return false;
            // Spares, and a current_thread runtime that nobody runs, have no thread in their loop.
            if (w->index < s.options.workers && (w->thread() != 0 || !s.options.current_thread)) ++idle_threads_;
        }
        found_.picks += m.picks;
        return true;
    }

    // 2.
    bool all_wait(scheduler& s) {
        world_ = s.watch.get();
        bool all = true;
        s.live.for_each([&](task& t) { all = all && waits(t); });
        return all;
    }
    bool waits(task& t) {
        auto const phase = t.state.current();
        if (phase == task_state::phase::finished) return true;
        ++found_.tasks;
        if (t.is_job()) {
            ++jobs_;
            return phase == task_state::phase::running;  // on a thread, which is looked at, too
        }
        held_waiter const held(t);
        return held && waits_among_ourselves(t);
    }
    bool waits_among_ourselves(waiter const& held) noexcept {
        outside_ = false;
        auto const seen = wait_sight::of(held, *this);
        return seen.what != nullptr && is_among_ourselves(seen.what) && !outside_;
    }
    void ask(waiter const&, char const*, void const* object) noexcept override {
        outside_wait none;
        outside_ = object != nullptr && world_ != nullptr && world_->look(object, none);
    }

    // 3. Threads that wait, of ours (with jobs) and others, are all that are not idle and ours.
    bool threads_wait() {
        world_ = nullptr;
        thread_waiter::for_each(
            [](thread_waiter& w, int thread, void* to) {
                auto& self = *static_cast<looker*>(to);
                held_waiter const held(w);
                if (held && !w.has_limit() && self.waits_among_ourselves(w))
                    self.found_.threads.emplace_back(thread, w.state.generation());
            },
            this);
        return found_.threads.size() + plain_thread::count() + idle_threads_ == threads_of_process() + jobs_;
    }

    standing found_;
    std::size_t idle_threads_ = 0, jobs_ = 0;
    driver* world_ = nullptr;
    bool outside_ = false;
};

bool standstill::look() {
    auto now = looker().look();
    bool const stands = now && now == last_;
    last_ = std::move(now);
    if (!stands) {
        told_ = false;
        return false;
    }
    return !std::exchange(told_, true);
}

}  // namespace ramie::detail
