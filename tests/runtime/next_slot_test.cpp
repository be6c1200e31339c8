// The slot of the task that runs next: its owner, who pays nothing, and thieves.
#include "chance.hpp"
#include "loose_task.hpp"
#include "next_slot.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace ramie::testing;
using ramie::detail::next_slot;

TEST_CASE("next_slot: holds one task, and putting another gives the first back") {
    next_slot slot;
    loose_task a(1), b(2);
    CHECK(slot.empty());
    CHECK(slot.take() == nullptr);
    CHECK(slot.put(&*a) == nullptr);
    CHECK(slot.is_full());
    CHECK(slot.put(&*b) == &*a);
    CHECK(slot.take() == &*b);
    CHECK(slot.empty());
}

TEST_CASE("next_slot: a thief takes what is there, once") {
    next_slot slot;
    loose_task a(1);
    CHECK(slot.steal() == nullptr);
    CHECK(slot.put(&*a) == nullptr);
    CHECK(slot.steal() == &*a);
    CHECK(slot.steal() == nullptr);
    CHECK(slot.take() == nullptr);
}

TEST_CASE("next_slot: between an owner and two thieves each task is got by one of them") {
    RAMIE_CAPTURE_SEED();
    constexpr std::size_t n = 64;
    std::vector<loose_task> tasks;
    for (std::size_t i = 0; i < n; ++i) tasks.emplace_back(i);
    std::vector<std::atomic<int>> out(n);  // how often each was put and not yet got
    std::atomic<bool> done{false};
    std::atomic<std::size_t> stolen{0}, wrong{0};
    next_slot slot;
    auto const got = [&](ramie::detail::task* t) {
        if (t != nullptr && out[t->id()].fetch_sub(1) != 1) ++wrong;
    };
    {
        std::vector<std::jthread> thieves;
        for (int i = 0; i < 2; ++i) {
            thieves.emplace_back([&] {
                while (!done) {
                    if (auto* const t = slot.steal()) {
                        got(t);
                        ++stolen;
                    }
                }
            });
        }
        chance dice(1);
        auto const least = rounds(200'000);
        for (std::size_t i = 0; i < least || stolen == 0; ++i) {
            auto const which = dice.below(n);
            if (dice.below(3) == 0) {
                got(slot.take());
            } else if (out[which].load() == 0) {
                out[which] = 1;
                got(slot.put(&*tasks[which]));
            }
        }
        done = true;
    }
    got(slot.take());
    CHECK(wrong.load() == 0);
    std::size_t lost = 0;
    for (auto const& o : out) lost += o.load() != 0;
    CHECK(lost == 0);
}
