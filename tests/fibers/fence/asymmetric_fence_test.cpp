// The two fences, and the locks that rest on them, where the kernel goes on with membarrier and where it stops.
#include "../support/child_process.hpp"
#include "../support/refused_call.hpp"

#include <ramie/detail/fence/asymmetric_fence.hpp>
#include <ramie/detail/fence/bias.hpp>
#include <ramie/detail/fence/pause.hpp>
#include <ramie/detail/fence/word_lock.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
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

// Two threads write one word each and read the other's. How often both read the old one.
int both_missed(int rounds) {
    struct alignas(64) word {
        std::atomic<int> value{0};
    };
    word a, b, mine_at, other_at;
    int missed = 0;
    std::vector<int> seen(static_cast<std::size_t>(rounds));
    auto const meet = [](std::atomic<int>& mine, std::atomic<int> const& other, int round) {
        mine.store(round);
        while (other.load() < round) cpu_pause();
    };
    std::thread rare([&] {
        for (int i = 1; i <= rounds; ++i) {
            meet(other_at.value, mine_at.value, i);
            b.value.store(i, std::memory_order_relaxed);
            heavy_fence();
            seen[static_cast<std::size_t>(i - 1)] = a.value.load(std::memory_order_relaxed);
        }
    });
    std::vector<int> seen_often(static_cast<std::size_t>(rounds));
    for (int i = 1; i <= rounds; ++i) {
        meet(mine_at.value, other_at.value, i);
        a.value.store(i, std::memory_order_relaxed);
        light_fence();
        seen_often[static_cast<std::size_t>(i - 1)] = b.value.load(std::memory_order_relaxed);
    }
    rare.join();
    for (int i = 1; i <= rounds; ++i) {
        auto const at = static_cast<std::size_t>(i - 1);
        missed += seen[at] < i && seen_often[at] < i;
    }
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

TEST_CASE("asymmetric fence: one of the two sees the other's write") { CHECK(both_missed(20'000) == 0); }

TEST_CASE("asymmetric fence: the same once the kernel refuses membarrier, whoever notices (forks)") {
    auto const end = in_child([] {
        refuse_membarrier();
        auto const missed = both_missed(300'000);
        if (missed > 0) std::printf("missed %d times\n", missed);
        if (light_fence_mode.load() != fence_mode::full) std::printf("not full\n");
    });
    if (skipped(end)) return;
    CHECK(end.exited_with(0));
    CHECK(end.output == "");
}

TEST_CASE("asymmetric fence: a heavy one that finds the change under way sits it out too (forks)") {
    auto const end = in_child([] {
        refuse_membarrier();
        light_fence_mode = fence_mode::changing;
        auto const before = std::chrono::steady_clock::now();
        heavy_fence();
        if (std::chrono::steady_clock::now() - before < std::chrono::milliseconds(10)) std::printf("too early\n");
        if (light_fence_mode.load() != fence_mode::full) std::printf("not full\n");
    });
    if (skipped(end)) return;
    CHECK(end.exited_with(0));
    CHECK(end.output == "");
}

TEST_CASE("bias: once the kernel refuses membarrier, no lane gets a lock or a number, and what one has is taken back (forks)") {
    auto const end = in_child([] {
        lone_lane const here;
        auto const me = this_bias();
        if (me == bias::stranger) ::_exit(77);
        bias old;
        old.exclude_owner(me);
        if (!old.enter(me)) std::printf("not its own\n");
        refuse_membarrier();
        std::atomic<bool> about_to{false}, has_it{false};
        std::thread other([&] {
            about_to = true;
            old.exclude_owner(bias::stranger);
            has_it = true;
        });
        while (!about_to) std::this_thread::yield();
        for (int i = 0; i < 1000; ++i) {
            std::this_thread::yield();
            if (has_it) std::printf("taken from under the owner's feet\n");
        }
        old.leave();
        other.join();
        if (old.enter(me)) std::printf("still its own\n");
        bias fresh;
        fresh.exclude_owner(me);
        if (fresh.enter(me)) std::printf("given away\n");
        if (bias::new_number() != bias::stranger) std::printf("a number\n");
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
