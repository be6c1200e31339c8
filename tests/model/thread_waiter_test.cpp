// A plain thread that waits with a limit, and then waits again: what ends the first wait does not end the second, however late
// the one who ends it comes to resume the thread.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <ramie/detail/task/carrier.hpp>
#include <ramie/detail/wait/park.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::never;
using ramie::detail::task_state;
using ramie::detail::waiter;
using enum std::memory_order;

namespace {

struct shown {
    atomic<waiter*> waiting{nullptr};
    std::uint64_t generation = 0;
    int handed_over = 0;

    // By the thread that waits. False: its time was up.
    bool wait(ramie::detail::time_point limit) {
        auto& self = waiter::self();
        generation = self.state.generation();
        waiting.store(&self, release);
        bool const woken = park(self, generation, {"model", nullptr}, nullptr, limit).woken();
        require(!woken || handed_over == 1, "it goes on, and nothing was handed over");
        return woken;
    }
    // True: this has ended the wait.
    bool wake() {
        waiter* w = nullptr;
        while ((w = waiting.load(acquire)) == nullptr) wait_for_a_change();
        handed_over = 1;
        switch (w->state.claim(generation, task_state::outcome::woken)) {
            case task_state::claim_result::lost: return false;
            case task_state::claim_result::submit_it: resume(*w); [[fallthrough]];
            case task_state::claim_result::nothing_more: return true;
        }
        return false;
    }
};

}  // namespace

TEST_CASE("model: thread_waiter: a wait whose limit and waker meet ends once, and the next wait is not ended by that") {
    check({1, 1}, [] {
        auto first = std::make_shared<shown>(), second = std::make_shared<shown>();
        auto ended = std::make_shared<bool[]>(2);
        thread([=] {
            ended[0] = first->wait(ramie::detail::carrier::a_little_later());
            require(second->wait(never), "a wait without a limit ends by one");
        });
        thread([=] { ended[1] = first->wake(); });
        thread([=] { require(second->wake(), "the second wait is over before it is ended"); });
        finally([=] { require(ended[0] == ended[1], "the waiter and its waker disagree"); });
    });
}
