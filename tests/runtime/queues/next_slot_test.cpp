// The slot of the task that runs next: its owner, who pays nothing, and thieves.
#include "chance.hpp"
#include "loose_task.hpp"
#include "queues/next_slot.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

using namespace ramie::testing;
using ramie::detail::next_slot;

namespace {

// What happens, once, when the gate is about to be passed, or has just been closed.
struct stopping_gate : ramie::detail::asymmetric_gate {
    static inline std::function<void()> at_pass, at_close;
    bool pass() const {
        if (auto const then = std::exchange(at_pass, nullptr)) then();
        return asymmetric_gate::pass();
    }
    void close() {
        asymmetric_gate::close();
        if (auto const then = std::exchange(at_close, nullptr)) then();
    }
};
using slot_with_stops = ramie::detail::basic_next_slot<stopping_gate>;

}  // namespace

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

TEST_CASE("next_slot: a thief who comes while the owner is at it goes away with nothing") {
    slot_with_stops slot;
    loose_task a(1), b(2);
    int visits = 0;
    auto const visit = [&] {
        ++visits;
        CHECK(slot.steal() == nullptr);
    };
    CHECK(slot.put(&*a) == nullptr);
    stopping_gate::at_pass = visit;
    CHECK(slot.put(&*b) == &*a);
    stopping_gate::at_pass = visit;
    CHECK(slot.take() == &*b);
    CHECK(visits == 2);
}

TEST_CASE("next_slot: an owner who comes while a thief is at it waits until that one has gone") {
    slot_with_stops slot;
    loose_task a(1), b(2);
    CHECK(slot.put(&*a) == nullptr);
    std::atomic<bool> came{false}, done{false};
    ramie::detail::task* before = nullptr;
    std::thread owner;
    stopping_gate::at_close = [&] {
        stopping_gate::at_pass = [&] { came = true; };
        owner = std::thread([&] {
            before = slot.put(&*b);
            done = true;
        });
        while (!came && !done) std::this_thread::yield();
        for (int chances = 10'000; chances > 0 && !done; --chances) std::this_thread::yield();
        CHECK_FALSE(done.load());
    };
    auto* const stolen = slot.steal();
    REQUIRE(owner.joinable());
    owner.join();
    // Whoever of the two got it: it may be too late for one who was seen.
    CHECK((stolen == nullptr ? before : stolen) == &*a);
    CHECK((stolen == nullptr || before == nullptr));
    CHECK(slot.steal() == &*b);
}

TEST_CASE("next_slot: a second thief waits until the first has gone") {
    slot_with_stops slot;
    loose_task a(1);
    CHECK(slot.put(&*a) == nullptr);
    std::atomic<bool> about_to{false}, done{false};
    ramie::detail::task* second = nullptr;
    std::thread other;
    stopping_gate::at_close = [&] {
        other = std::thread([&] {
            about_to = true;
            second = slot.steal();
            done = true;
        });
        while (!about_to) std::this_thread::yield();
        for (int chances = 10'000; chances > 0 && !done; --chances) std::this_thread::yield();
        CHECK_FALSE(done.load());
    };
    CHECK(slot.steal() == &*a);
    REQUIRE(other.joinable());
    other.join();
    CHECK(second == nullptr);
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
