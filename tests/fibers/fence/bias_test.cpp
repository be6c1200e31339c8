// A lock that a lone lane has made its own, and others who come for it.
#include <ramie/detail/fence/bias.hpp>
#include <ramie/detail/fence/word_lock.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

using ramie::detail::bias;
using ramie::detail::word_lock;

namespace {

// While one lives, this thread carries a lane that is alone.
class lone_lane {
  public:
    lone_lane() : before_(std::exchange(ramie::detail::ramie_bias_here, bias::new_number())) {}
    ~lone_lane() { ramie::detail::ramie_bias_here = before_; }

  private:
    ramie::detail::lane_number before_;
};

void wait_for(std::atomic<std::size_t> const& progress, std::size_t until) {
    for (int looks = 0; progress.load(std::memory_order_acquire) < until; ++looks)
        if (looks > 10'000) std::this_thread::yield();
}

}  // namespace

TEST_CASE("bias: numbers are not used again, and a stranger's is not among them") {
    auto const a = bias::new_number(), b = bias::new_number();
    CHECK(a != b);
    CHECK(a != bias::stranger);
    CHECK(b != bias::stranger);
}

TEST_CASE("bias: a stranger never enters, the first lane to exclude others from then on does") {
    bias lock;
    CHECK_FALSE(lock.enter(bias::stranger));
    lock.exclude_owner(bias::stranger);
    lone_lane const here;
    auto const me = ramie::detail::this_bias();
    CHECK_FALSE(lock.enter(me));
    lock.exclude_owner(me);
    REQUIRE(lock.enter(me));
    CHECK(lock.is_inside());
    lock.leave();
    CHECK_FALSE(lock.is_inside());
}

TEST_CASE("bias: once another has come, it is nobody's for good") {
    bias lock;
    lone_lane const here;
    auto const me = ramie::detail::this_bias();
    lock.exclude_owner(me);
    lock.exclude_owner(bias::new_number());  // another lane
    CHECK_FALSE(lock.enter(me));
    lock.exclude_owner(me);
    CHECK_FALSE(lock.enter(me));
}

TEST_CASE("bias: whoever takes it back waits until the owner is out") {
    bias lock;
    lone_lane const here;
    auto const me = ramie::detail::this_bias();
    lock.exclude_owner(me);
    REQUIRE(lock.enter(me));
    std::atomic<bool> about_to{false}, has_it{false};
    std::thread other([&] {
        about_to = true;
        lock.exclude_owner(bias::stranger);
        has_it = true;
    });
    while (!about_to) std::this_thread::yield();
    for (int i = 0; i < 1000; ++i) {
        std::this_thread::yield();
        REQUIRE_FALSE(has_it);
    }
    lock.leave();
    other.join();
    CHECK(has_it);
}

TEST_CASE("word_lock: excludes its owner and others from each other while it changes hands") {
    for (int round = 0; round < 300; ++round) {
        word_lock lock;
        int inside = 0, count = 0;
        std::atomic<int> ready{0};
        constexpr int turns = 200;
        auto const work = [&] {
            ++ready;
            while (ready < 3) std::this_thread::yield();
            for (int i = 0; i < turns; ++i) {
                lock.lock();
                ++inside;
                CHECK(inside == 1);
                ++count;
                --inside;
                lock.unlock();
            }
        };
        std::thread owner([&] {
            lone_lane const here;
            lock.lock();  // makes it its own
            lock.unlock();
            work();
        });
        std::thread other(work), third([&] {
            lone_lane const here;  // a lane of another runtime
            work();
        });
        owner.join();
        other.join();
        third.join();
        REQUIRE(count == 3 * turns);
    }
}

// The moment itself: owner and other come to a lock at once, again and again, each time to a new one that is the owner's.
TEST_CASE("word_lock: of an owner who enters and another who takes it back at the same moment, one waits") {
    constexpr std::size_t rounds = 5'000;
    struct place {
        word_lock lock;
        int count = 0;
    };
    std::vector<place> places(rounds);
    std::atomic<std::size_t> owner_at{0}, other_at{0};
    std::thread owner([&] {
        lone_lane const here;
        for (std::size_t i = 0; i < rounds; ++i) {
            auto& at = places[i];
            at.lock.lock();  // makes it its own
            at.lock.unlock();
            owner_at.store(i + 1, std::memory_order_release);
            wait_for(other_at, i + 1);
            for (int turn = 0; turn < 40; ++turn) {
                at.lock.lock();
                ++at.count;
                at.lock.unlock();
            }
        }
    });
    for (std::size_t i = 0; i < rounds; ++i) {
        auto& at = places[i];
        wait_for(owner_at, i + 1);
        other_at.store(i + 1, std::memory_order_release);
        at.lock.lock();
        ++at.count;
        at.lock.unlock();
    }
    owner.join();
    for (auto const& at : places) REQUIRE(at.count == 41);
}
