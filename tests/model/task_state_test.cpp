// The state word: one wait and those who may end it; the joiner's slot; who frees the block.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <ramie/detail/wait/task_state.hpp>

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::task_state;
using enum std::memory_order;

namespace {

// A fiber's waits as its lane and its wakers see them. `registers` stands for all that a park saves.
struct fiber {
    task_state state{task_state::phase::running, true};
    int registers = 0;
    atomic<int> submitted{0};   // how often it was made runnable since it parked
    int handed_over = 0;        // written by the waker that has won
    atomic<std::uint64_t> shown{0};  // which wait, from 1 on, the waiter has shown to wakers

    void submit() {
        require(submitted.fetch_add(1, acq_rel) == 0, "it is made runnable twice");
    }
    // The lane's side: false: it goes on at once.
    void wait(bool abortable) {
        auto const g = state.generation();
        shown.store(g + 1, release);
        registers = 1;
        if (state.park(g, abortable) == task_state::park_result::parked) {
            while (submitted.load(acquire) == 0) wait_for_a_change();
            submitted.store(0, relaxed);
        }
        require(registers == 1, "its registers are not there");
        registers = 0;
    }
    void wake(task_state::outcome how, std::uint64_t g) {
        while (shown.load(acquire) <= g) wait_for_a_change();
        switch (state.claim(g, how)) {
            case task_state::claim_result::lost: return;
            case task_state::claim_result::nothing_more: return;
            case task_state::claim_result::submit_it:
                registers = 1;  // whoever resumes it may touch them
                submit();
        }
    }
    void abort() {
        if (state.abort() == task_state::abort_result::submit_it) submit();
    }
};

constexpr std::uint64_t second_wait = 2;  // a generation, as the state word counts them

}  // namespace

TEST_CASE("model: task_state: while a walker holds a waiter, its registers stay; a wait that ends meanwhile ends after that") {
    auto const walk = [](std::shared_ptr<fiber> f) {
        if (!f->state.hold()) return;
        require(f->registers == 1, "the registers of a held waiter are not there");
        f->state.let_go();
    };
    check({3, 2}, [=] {
        auto f = std::make_shared<fiber>();
        thread([=] { f->wait(true); });
        thread([=] { f->wake(task_state::outcome::woken, 0); });
        thread([=] { walk(f); });
    });
    check({2, 1}, [=] {
        auto f = std::make_shared<fiber>();
        thread([=] { f->wait(true); });
        thread([=] { f->abort(); });
        thread([=] { f->wake(task_state::outcome::deadline, 0); });
        thread([=] { walk(f); });
    });
    check({2, 1}, [=] {
        auto f = std::make_shared<fiber>();
        thread([=] {
            f->wait(true);
            f->wait(false);
        });
        thread([=] {
            f->wake(task_state::outcome::woken, 0);
            f->wake(task_state::outcome::woken, second_wait);
        });
        thread([=] {
            walk(f);
            walk(f);
        });
    });
    check({2, 1}, [=] {
        auto f = std::make_shared<fiber>();
        thread([=] { f->wait(true); });
        thread([=] { f->wake(task_state::outcome::woken, 0); });
        thread([=] { walk(f); });
        thread([=] { walk(f); });
    });
}

TEST_CASE("model: task_state: of a waker, a deadline and an abort one ends the wait, and the waiter goes on once") {
    check({3, 2}, [] {
        auto f = std::make_shared<fiber>();
        thread([=] { f->wait(true); });
        thread([=] { f->wake(task_state::outcome::woken, 0); });
        thread([=] { f->abort(); });
    });
    check({1, 1}, [] {
        auto f = std::make_shared<fiber>();
        thread([=] { f->wait(true); });
        thread([=] { f->wake(task_state::outcome::woken, 0); });
        thread([=] { f->wake(task_state::outcome::deadline, 0); });
        thread([=] { f->abort(); });
    });
}

TEST_CASE("model: task_state: a waker of an old wait does not end the next one") {
    check({1, 1}, [] {
        auto f = std::make_shared<fiber>();
        thread([=] {
            f->wait(true);
            f->wait(false);  // only the second waker ends it
        });
        thread([=] { f->wake(task_state::outcome::woken, 0); });
        thread([=] { f->wake(task_state::outcome::deadline, 0); });
        thread([=] { f->wake(task_state::outcome::woken, second_wait); });
    });
}

TEST_CASE("model: task_state: what the waker hands over is there when the waiter goes on, parked or not") {
    check({4, 3}, [] {
        auto f = std::make_shared<fiber>();
        auto slot = std::make_shared<int>(0);
        thread([=] {
            auto const g = f->state.generation();
            f->shown.store(g + 1, release);
            if (f->state.park(g, false) == task_state::park_result::parked) {
                while (f->submitted.load(acquire) == 0) wait_for_a_change();
            }
            require(f->state.last_outcome() == task_state::outcome::woken, "it was not woken");
            require(*slot == 7, "what was handed over is not there");
        });
        thread([=] {
            while (f->shown.load(acquire) == 0) wait_for_a_change();
            *slot = 7;
            if (f->state.claim(0, task_state::outcome::woken) == task_state::claim_result::submit_it) f->submit();
        });
    });
}

// whole_wait() closes a wait itself that is over before the waiter has parked.
TEST_CASE("model: task_state: a waiter that closes its own wait and comes too late has what it was handed") {
    check(everything, [] {
        auto f = std::make_shared<fiber>();
        thread([=] {
            f->shown.store(1, release);
            auto const own = f->state.claim(0, task_state::outcome::deadline);
            if (f->state.last_outcome() == task_state::outcome::woken) {
                require(own == task_state::claim_result::lost, "two have ended it");
                require(f->handed_over == 7, "what was handed over is not there");
            }
        });
        thread([=] {
            while (f->shown.load(acquire) == 0) wait_for_a_change();
            f->handed_over = 7;
            if (f->state.claim(0, task_state::outcome::woken) == task_state::claim_result::submit_it) f->submit();
        });
    });
}

TEST_CASE("model: task_state: an unstarted task is run or cancelled, once, and its queue entry is stale after that") {
    check(everything, [] {
        struct one {
            task_state state{task_state::phase::unstarted, true};
            atomic<int> begun{0};
        };
        auto t = std::make_shared<one>();
        auto const begin = [=] { require(t->begun.fetch_add(1, relaxed) == 0, "it begins twice"); };
        thread([=] {
            if (t->state.start() == task_state::start_result::run_it) begin();
        });
        thread([=] {
            if (t->state.start(true) == task_state::start_result::run_it) begin();
        });
        thread([=] {
            if (t->state.abort() == task_state::abort_result::cancel_it) begin();
        });
        finally([=] { require(t->begun.load(relaxed) == 1, "nobody begins it"); });
    });
}

namespace {

// A task's end: its result, a joiner who may leave, the handle, a further reference.
struct ending {
    task_state state{task_state::phase::running, true};
    int result = 0;
    bool joiner_is_there = false;   // the slot
    atomic<int> told{0};            // the joiner was claimed
    atomic<int> freed{0};
    int by_handle = 0, by_reference = 0;  // what their holders write into the block, up to the end

    void free_it() {
        require(freed.fetch_add(1, acq_rel) == 0, "the block is freed twice");
        by_handle = by_reference = -1;  // nobody may touch it any more
    }
    void release(task_state::release_result r) {
        if (r == task_state::release_result::free_it) {
            result = -1;  // nobody may touch it any more
            free_it();
        }
    }
    void finish() {
        for (;;) {
            if (state.has_handle()) result = 5;
            switch (state.finish(result != 0)) {
                case task_state::finish_result::discard_result_first: result = 0; continue;
                case task_state::finish_result::wake_joiner:
                    require(joiner_is_there, "the joiner's slot is empty");
                    told.store(1, std::memory_order_release);
                    return;
                case task_state::finish_result::free_it: return free_it();
                case task_state::finish_result::tell_end:
                case task_state::finish_result::nothing: return;
            }
        }
    }
};

}  // namespace

TEST_CASE("model: task_state: a joiner gets the result, however late it comes") {
    check(everything, [] {
        auto t = std::make_shared<ending>();
        thread([=] { t->finish(); });
        thread([=] {
            t->joiner_is_there = true;
            switch (t->state.add_joiner()) {
                case task_state::joiner_result::registered:
                    while (t->told.load(acquire) == 0) wait_for_a_change();
                    break;
                case task_state::joiner_result::finished: break;
                case task_state::joiner_result::occupied: require(false, "somebody else joins");
            }
            require(t->state.is_finished(), "it has not finished");
            require(t->result == 5, "the result is not there");
            t->release(t->state.release_handle());
        });
        finally([=] { require(t->freed.load(relaxed) == 1, "nobody frees the block"); });
    });
}

TEST_CASE("model: task_state: who finds the task ended finds those told who count it, by whichever way it looks") {
    for (bool const joins : {true, false}) {
        CAPTURE(joins);
        check(everything, [joins] {
            struct counted : ending {
                int counter = 0;  // what is told
            };
            auto t = std::make_shared<counted>();
            thread([=] {
                t->result = 5;
                if (t->state.finish(true, true) != task_state::finish_result::tell_end) require(false, "nobody is to be told");
                t->counter = 1;
                if (t->state.told() == task_state::finish_result::wake_joiner) t->told.store(1, release);
            });
            thread([=] {
                if (joins) {
                    if (t->state.add_joiner() == task_state::joiner_result::registered)
                        while (t->told.load(acquire) == 0) wait_for_a_change();
                } else {
                    while (!t->state.is_finished()) wait_for_a_change();
                }
                require(t->counter == 1 && t->result == 5, "it has not been told");
            });
        });
    }
}

TEST_CASE("model: task_state: a joiner that leaves has its slot back, or the finisher has it") {
    check(everything, [] {
        auto t = std::make_shared<ending>();
        thread([=] { t->finish(); });
        thread([=] {
            t->joiner_is_there = true;
            if (t->state.add_joiner() == task_state::joiner_result::finished) return;
            if (t->state.remove_joiner() == task_state::leave_result::left) {
                t->joiner_is_there = false;  // its own again
                return;
            }
            while (t->told.load(acquire) == 0) wait_for_a_change();
            require(t->result == 5, "the result is not there");
        });
    });
}

TEST_CASE("model: task_state: the last of the task, its handle and a reference frees the block, and nobody else") {
    check(everything, [] {
        auto t = std::make_shared<ending>();
        t->state.add_ref();
        thread([=] { t->finish(); });
        thread([=] {
            ++t->by_handle;
            if (t->state.drop_handle() == task_state::detach_result::discard_result) {
                require(t->result == 5, "the result is not there");
                t->result = 0;
                t->release(t->state.release_handle());
            }
        });
        thread([=] {
            ++t->by_reference;
            t->release(t->state.drop_ref());
        });
        finally([=] { require(t->freed.load(relaxed) == 1, "nobody frees the block"); });
    });
}
