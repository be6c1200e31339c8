// rest_word: the monitor rests until a worker moves (idle.md, "The monitor's rest"). No worker moves while the monitor rests
// without the monitor waking up; and stop() ends every rest and every pause.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "standins/rest_word.hpp"

#include <ramie/detail/task/carrier.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>

using namespace ramie::model;
using ramie::detail::never;
using ramie::detail::rest_word;
using enum std::memory_order;

namespace {

struct world {
    rest_word word;
    std::array<atomic<bool>, 2> asleep{true, true};

    bool none_moves() { return asleep[0].load(seq_cst) && asleep[1].load(seq_cst); }
    void rest() {
        word.rest(never, [this] { return none_moves(); });
    }
    // worker::wakes_up(), and found_work().
    void move(std::size_t i) {
        asleep[i].store(false, seq_cst);
        word.wake();
    }
    // worker::sleep(), with nothing to do.
    void fall_asleep(std::size_t i) { asleep[i].store(true, relaxed); }
};

}  // namespace

TEST_CASE("model: rest_word: a worker that moves before, at or after the beginning of the rest ends it") {
    check({no_bound, 3}, [] {
        auto s = std::make_shared<world>();
        thread([=] { s->rest(); });
        thread([=] { s->move(0); });
    });
    check({3, 3}, [] {
        auto s = std::make_shared<world>();
        thread([=] {
            s->rest();
            require(!s->none_moves(), "it rests no more, though no worker moves");
        });
        for (std::size_t i = 0; i < 2; ++i) thread([=] { s->move(i); });
    });
}

TEST_CASE("model: rest_word: a worker moves, sleeps and moves again: the second rest ends too") {
    check({3, 3}, [] {
        auto s = std::make_shared<world>();
        auto rests = std::make_shared<atomic<int>>(0);
        thread([=] {
            s->rest();
            rests->store(1, release);
            s->rest();
        });
        thread([=] {
            s->move(0);
            while (rests->load(acquire) == 0) wait_for_a_change();
            s->fall_asleep(0);
            s->move(0);
        });
    });
}

TEST_CASE("model: rest_word: it is stopped, whatever it does") {
    check({3, 3}, [] {
        auto s = std::make_shared<world>();
        thread([=] {
            while (!s->word.is_stopped()) {
                if (s->none_moves()) s->rest();
                else s->word.pause(ramie::detail::carrier::now() + std::chrono::milliseconds(10));
            }
        });
        thread([=] { s->move(0); });
        thread([=] { s->word.stop(); });
    });
}
