// The driver by itself: turns, interrupts, harvests.
#include "call/operation.hpp"
#include "chance.hpp"
#include "ready/loop.hpp"
#include "sockets.hpp"

#include <atomic>
#include <thread>

using namespace ramie::detail;
using namespace ramie::testing;
using clock_type = std::chrono::steady_clock;

namespace {

struct two_ends {
    int fds[2];
    two_ends() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0); }
    unique_fd first() const { return unique_fd(fds[0]); }
    unique_fd second() const { return unique_fd(fds[1]); }
};

// A thread that harvests all the time, as a busy worker does, with something to harvest.
class harvester {
  public:
    explicit harvester(loop& of) : watched_(of.interest().add(ends_.first())), other_(ends_.second()) {
        thread_ = std::jthread([&of](std::stop_token const& stop) {
            while (!stop.stop_requested()) of.harvest();
        });
    }

  private:
    two_ends const ends_;
    std::expected<owned_descriptor, std::error_code> const watched_;
    unique_fd const other_;
    std::jthread thread_;
};

}  // namespace

TEST_CASE("driver: an interrupt before the turn ends the turn") {
    loop l;
    l.interrupt();
    l.interrupt();
    l.turn(never);
    l.interrupt();
    l.turn(clock_type::now() + 1h);
}

TEST_CASE("driver: an interrupt during the turn ends the turn") {
    loop l;
    for (std::size_t i = 0; i < rounds(2000); ++i) {
        std::jthread other([&] { l.interrupt(); });
        l.turn(i % 2 == 0 ? never : clock_type::now() + 1h);
    }
}

TEST_CASE("driver: a turn with a time in the past only looks") {
    loop l;
    for (int i = 0; i < 1000; ++i) l.turn(clock_type::now());
    l.turn(time_point::min());
}

TEST_CASE("driver: a turn ends when its time has come, to less than a millisecond") {
    loop l;
    for (auto const d : {50us, 300us, 1700us, 5000us}) {
        auto const until = clock_type::now() + d;
        while (clock_type::now() < until) l.turn(until);
    }
}

TEST_CASE("driver: a time earlier than the one it slept for before is kept") {
    loop l;
    l.interrupt();
    l.turn(clock_type::now() + 1h);
    auto const until = clock_type::now() + 3ms;
    while (clock_type::now() < until) l.turn(until);
    CHECK(clock_type::now() >= until);
}

TEST_CASE("driver: later times do not put off an alarm that is set") {
    loop l;
    auto until = clock_type::now();
    for (auto ahead = 3ms; clock_type::now() >= until; ahead *= 2) {  // a turn that begins too late sets no alarm
        until = clock_type::now() + ahead;
        l.interrupt();
        l.turn(until);
    }
    l.turn(never);  // ended too early, by the alarm
    CHECK(clock_type::now() >= until);
}

TEST_CASE("driver: harvest says that nothing is watched") {
    loop l;
    CHECK_FALSE(l.harvest());
    two_ends const ends;
    auto const other = ends.second();
    {
        auto const watched = l.interest().add(ends.first());
        CHECK(l.harvest());
    }
    CHECK_FALSE(l.harvest());
}

TEST_CASE("driver: a harvest that takes the alarm's report does not let the turn oversleep") {
    loop l;
    harvester const beside(l);
    for (std::size_t i = 0; i < rounds(300); ++i) {
        auto const until = clock_type::now() + 200us;
        while (clock_type::now() < until) l.turn(until);
    }
}

TEST_CASE("driver: a harvest that takes an interrupt does not let the turn oversleep") {
    loop l;
    harvester const beside(l);
    for (std::size_t i = 0; i < rounds(2000); ++i) {
        std::jthread interrupter([&] { l.interrupt(); });
        l.turn(never);
    }
}

TEST_CASE("driver: a turn that is to last long ends by its time, an interrupt, or readiness") {
    loop l;
    auto const until = clock_type::now() + 40ms;  // far enough not to be the alarm clock's
    while (clock_type::now() < until) l.turn(until);
    std::jthread other([&] {
        std::this_thread::sleep_for(1ms);
        l.interrupt();
    });
    l.turn(clock_type::now() + 24h * 365 * 200);
    two_ends const ends;
    auto const far = ends.second();
    auto const watched = l.interest().add(ends.first()).value();
    l.turn(clock_type::now() + 1h);  // there is room to write
    REQUIRE(::send(far.get(), "x", 1, 0) == 1);
    l.turn(clock_type::now() + 1h);
}

TEST_CASE("driver: a turn runs what libuv waits for: a time, a descriptor") {
    int fired = 0;
    uv_timer_t timer;
    uv_async_t called;
    loop l;  // it closes the handles
    timer.data = &fired;
    l.with_libuv([&](uv_loop_t* uv) {
        REQUIRE(uv_timer_init(uv, &timer) == 0);
        REQUIRE(uv_timer_start(&timer, [](uv_timer_t* t) { ++*static_cast<int*>(t->data); }, 3, 0) == 0);
    });
    while (fired == 0) l.turn(never);
    called.data = &fired;
    l.with_libuv([&](uv_loop_t* uv) {
        REQUIRE(uv_async_init(uv, &called, [](uv_async_t* each) { ++*static_cast<int*>(each->data); }) == 0);
    });
    for (std::size_t i = 0; i < rounds(200); ++i) {
        std::jthread caller([&] { uv_async_send(&called); });
        for (auto const before = fired; fired == before;) l.turn(never);
    }
}

TEST_CASE("driver: turn and harvest both wake a thread that waits for readiness") {
    loop l;
    two_ends const ends;
    auto const other = ends.second();
    auto const watched = l.interest().add(ends.first()).value();
    for (bool const by_turn : {true, false}) {
        for (std::size_t i = 0; i < rounds(200); ++i) {
            std::atomic<bool> done{false};
            std::jthread reader([&] {
                operation const mine(watched, "read");
                for (char c;;) {
                    auto const noted = mine.wait_ready(direction::read);
                    if (::recv(mine.fd(), &c, 1, 0) == 1) break;
                    mine.found_empty(direction::read, *noted);
                }
                done = true;
                l.interrupt();
            });
            REQUIRE(::send(other.get(), "x", 1, 0) == 1);
            while (!done) {
                if (by_turn) l.turn(never);
                else l.harvest();
            }
        }
    }
}

TEST_CASE("driver: it goes while descriptors are left, and they close later") {
    auto const before = open_descriptors();
    {
        owned_descriptor left;
        two_ends const ends;
        auto const other = ends.second();
        {
            loop l;
            left = l.interest().add(ends.first()).value();
        }
        operation const mine(left, "read");
        REQUIRE(mine);
        // Ready, as far as is known; then not ready, and no report will come.
        auto const noted = mine.wait_ready(direction::read);
        REQUIRE(noted.has_value());
        mine.found_empty(direction::read, *noted);
        CHECK(error_in(mine.wait_ready(direction::read)) == std::errc::operation_canceled);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("driver: when it goes, threads that wait on its descriptors return") {
    owned_descriptor left;
    two_ends const ends;
    auto const other = ends.second();
    auto l = std::make_unique<loop>();
    left = l->interest().add(ends.first()).value();
    auto& known = left.get()->readiness;
    known.clear(direction::read, known.look());
    std::atomic<int> waiting{0};
    auto const wait = [&] {
        operation const mine(left, "read");
        ++waiting;
        CHECK(error_in(mine.wait_ready(direction::read)) == std::errc::operation_canceled);
    };
    std::jthread one(wait), two(wait);
    while (waiting < 2) std::this_thread::yield();
    l.reset();
}
