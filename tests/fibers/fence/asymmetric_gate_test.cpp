// The gate, and the locks that rest on it, where the kernel goes on with membarrier and where it stops.
#include "../support/child_process.hpp"
#include "../support/refused_call.hpp"

#include <ramie/detail/fence/asymmetric_gate.hpp>
#include <ramie/detail/fence/bias.hpp>
#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/fence/word_lock.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

using namespace ramie::detail;
using namespace ramie::testing;

namespace {

void refuse_membarrier() {
    if (!refuse_call(SYS_membarrier, EPERM)) ::_exit(77);
}

bool skipped(child_end const& end) {
    if (end.exited_with(77)) MESSAGE("skipped: no seccomp");
    return end.exited_with(77);
}

// One thread writes a word and passes a gate, another closes the gate and reads the word; again and again. How often
// neither saw the other.
int both_missed(int rounds) {
    struct alignas(64) counter {
        std::atomic<int> value{0};
    };
    asymmetric_gate gate;
    counter written, light_at, light_done, heavy_at;
    std::vector<char> passed(static_cast<std::size_t>(rounds) + 1), seen(static_cast<std::size_t>(rounds) + 1);
    auto const wait_for = [](std::atomic<int> const& other, int round) {
        while (other.load() < round) cpu_pause();
    };
    auto const meet = [&](std::atomic<int>& mine, std::atomic<int> const& other, int round) {
        mine.store(round);
        wait_for(other, round);
    };
    std::thread heavy([&] {
        for (int i = 1; i <= rounds; ++i) {
            wait_for(light_done.value, i - 1);
            gate.open();
            meet(heavy_at.value, light_at.value, i);
            gate.close();
            seen[static_cast<std::size_t>(i)] = written.value.load(std::memory_order_relaxed) == i;
        }
    });
    for (int i = 1; i <= rounds; ++i) {
        meet(light_at.value, heavy_at.value, i);
        written.value.store(i, std::memory_order_relaxed);
        passed[static_cast<std::size_t>(i)] = gate.pass();
        light_done.value.store(i, std::memory_order_release);
    }
    heavy.join();
    int missed = 0;
    for (std::size_t i = 1; i < passed.size(); ++i) missed += passed[i] != 0 && seen[i] == 0;
    return missed;
}

// While one lives, this thread carries a lane that is alone.
class lone_lane {
  public:
    lone_lane() : before_(std::exchange(ramie_bias_here, bias::new_number())) {}
    ~lone_lane() { ramie_bias_here = before_; }

  private:
    lane_number before_;
};

}  // namespace

TEST_CASE("asymmetric gate: closed until it is opened, and again when it is closed") {
    asymmetric_gate gate;
    CHECK_FALSE(gate.pass());
    CHECK(gate.is_closed());
    for (int i = 0; i < 2; ++i) {
        gate.open();
        CHECK(gate.pass());
        CHECK_FALSE(gate.is_closed());
        gate.close();
        CHECK_FALSE(gate.pass());
        CHECK(gate.is_closed());
    }
}

TEST_CASE("asymmetric gate: of the side that passes and the side that closes, one sees the other") {
    CHECK(both_missed(20'000) == 0);
}

TEST_CASE("asymmetric gate: the same where the kernel refuses membarrier (forks)") {
    auto const end = in_child([] {
        refuse_membarrier();
        auto const missed = both_missed(300'000);
        if (missed > 0) std::printf("missed %d times\n", missed);
        if (membarrier_works) std::printf("still works\n");
    });
    if (skipped(end)) return;
    CHECK(end.exited_with(0));
    CHECK(end.output == "");
}

TEST_CASE("asymmetric gate: one that is open when the kernel begins to refuse membarrier waits, each once (forks)") {
    auto const end = in_child([] {
        std::array<asymmetric_gate, 2> gates;
        for (auto& g : gates) g.open();
        refuse_membarrier();
        auto const waited = [](asymmetric_gate& g) {
            auto const before = std::chrono::steady_clock::now();
            g.close();
            return std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(10);
        };
        for (auto& g : gates) {
            if (!waited(g)) std::printf("too early\n");
            g.open();
            if (!g.pass()) std::printf("not open\n");
            auto const before = std::chrono::steady_clock::now();
            for (int i = 0; i < 100; ++i) {
                g.close();
                if (g.pass()) std::printf("not closed\n");
                g.open();
            }
            if (std::chrono::steady_clock::now() - before >= std::chrono::seconds(1)) std::printf("waits each time\n");
        }
    });
    if (skipped(end)) return;
    CHECK(end.exited_with(0));
    CHECK(end.output == "");
}

TEST_CASE("bias: once the kernel refuses membarrier, what a lane has is taken back, and what it gets is excluded, too (forks)") {
    auto const end = in_child([] {
        lone_lane const here;
        auto const me = this_bias();
        bias old;
        old.exclude_owner(me);
        if (!old.enter(me)) std::printf("not its own\n");
        refuse_membarrier();
        auto const is_taken_back = [me](bias& b) {
            std::atomic<bool> about_to{false}, has_it{false};
            std::thread other([&] {
                about_to = true;
                b.exclude_owner(bias::stranger);
                has_it = true;
            });
            while (!about_to) std::this_thread::yield();
            for (int i = 0; i < 1000; ++i) {
                std::this_thread::yield();
                if (has_it) std::printf("taken from under the owner's feet\n");
            }
            b.leave();
            other.join();
            if (b.enter(me)) std::printf("still its own\n");
        };
        is_taken_back(old);
        bias fresh;
        fresh.exclude_owner(me);
        if (!fresh.enter(me)) std::printf("not its own without membarrier\n");
        is_taken_back(fresh);
    });
    if (skipped(end)) return;
    CHECK(end.exited_with(0));
    CHECK(end.output == "");
}

TEST_CASE("word_lock: owner and other exclude each other although the kernel refuses membarrier (forks)") {
    auto const end = in_child([] {
        constexpr std::size_t rounds = 200;
        struct place {
            word_lock lock;
            int count = 0;
        };
        std::vector<place> places(rounds);
        std::atomic<std::size_t> owner_at{0}, other_at{0};
        auto const wait_for = [](std::atomic<std::size_t> const& progress, std::size_t until) {
            for (int looks = 0; progress.load(std::memory_order_acquire) < until; ++looks)
                if (looks > 10'000) std::this_thread::yield();
        };
        std::atomic<bool> refused{false};
        std::thread owner([&] {
            lone_lane const here;
            for (auto& at : places) {  // makes them its own
                at.lock.lock();
                at.lock.unlock();
            }
            refuse_membarrier();
            refused = true;
            for (std::size_t i = 0; i < rounds; ++i) {
                owner_at.store(i + 1, std::memory_order_release);
                wait_for(other_at, i + 1);
                for (int turn = 0; turn < 1000; ++turn) {
                    places[i].lock.lock();
                    ++places[i].count;
                    places[i].lock.unlock();
                }
            }
        });
        while (!refused) std::this_thread::yield();
        for (std::size_t i = 0; i < rounds; ++i) {
            wait_for(owner_at, i + 1);
            other_at.store(i + 1, std::memory_order_release);
            for (int turn = 0; turn < 100; ++turn) {
                places[i].lock.lock();
                ++places[i].count;
                places[i].lock.unlock();
            }
        }
        owner.join();
        for (auto const& at : places)
            if (at.count != 1100) std::printf("%d\n", at.count);
    });
    if (skipped(end)) return;
    CHECK(end.exited_with(0));
    CHECK(end.output == "");
}
