// The values of a channel: in order, in as much memory as they need.
#include <ramie/channel.hpp>

#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <memory>
#include <random>

#include <malloc.h>

using ramie::detail::value_ring;

namespace {

template <class T>
T take(value_ring<T>& ring) {
    T value = std::move(ring.front());
    ring.drop_front();
    return value;
}

}  // namespace

TEST_CASE("value ring: keeps order and values whatever it grows and shrinks to") {
    value_ring<std::unique_ptr<int>> ring;
    std::deque<int> model;
    std::minstd_rand random(7);
    int next = 0;
    for (int i = 0; i < 20'000; ++i) {
        switch (random() % 7) {
            case 0: case 1: case 2: {
                for (auto n = random() % 50; n > 0; --n) {
                    ring.make_room_for(ring.size() + 1);
                    ring.push_back(std::make_unique<int>(next));
                    model.push_back(next++);
                }
                break;
            }
            case 3: ring.shrink_to(random() % 100); break;
            default:
                for (auto n = random() % 60; n > 0 && ring.size() > 0; --n) {
                    REQUIRE(*take(ring) == model.front());
                    model.pop_front();
                }
        }
        REQUIRE(ring.size() == model.size());
        REQUIRE(ring.capacity() >= ring.size());
    }
}

TEST_CASE("value ring: one that held much and holds little is sparse, and shrinks to what it needs") {
    value_ring<long> ring;
    CHECK_FALSE(ring.is_sparse());
    for (long i = 0; i < 100'000; ++i) {
        ring.make_room_for(ring.size() + 1);
        ring.push_back(long{i});
        CHECK_FALSE(ring.is_sparse());
    }
    CHECK(ring.capacity() == 131'072);
    long expected = 0;
    while (!ring.is_sparse()) REQUIRE(take(ring) == expected++);
    CHECK(ring.size() == 16'383);
    ring.shrink_to(40'000);  // room was promised to others
    CHECK(ring.capacity() == 131'072);
    ring.shrink_to(0);
    CHECK(ring.capacity() == 32'768);
    CHECK_FALSE(ring.is_sparse());
    while (ring.size() > 0) {
        REQUIRE(take(ring) == expected++);
        if (ring.is_sparse()) ring.shrink_to(0);
    }
    CHECK(ring.capacity() == 1024);  // 8 KiB
    CHECK_FALSE(ring.is_sparse());
}

TEST_CASE("value ring: a small one is never sparse") {
    value_ring<std::array<char, 100>> ring;
    for (int i = 0; i < 64; ++i) {
        ring.make_room_for(ring.size() + 1);
        ring.push_back({});
    }
    while (ring.size() > 0) {
        ring.drop_front();
        CHECK_FALSE(ring.is_sparse());
    }
}

TEST_CASE("channel: memory goes back while it is drained, also what dropped receivers leave") {
#if !defined(RAMIE_ASAN) && !defined(RAMIE_TSAN)
    for (bool const dropped : {false, true}) {
        CAPTURE(dropped);
        auto [tx, rx] = ramie::unbounded_channel<long>();
        auto const held = [] {
            auto const now = ::mallinfo2();
            return now.uordblks + now.hblkhd;
        };
        auto const before = held();
        for (long i = 0; i < 1'000'000; ++i) REQUIRE(tx.send(i));
        CHECK(held() - before >= 8'000'000);
        if (dropped) {
            rx = {};
        } else {
            for (long i = 0; i < 1'000'000; ++i) REQUIRE(rx.receive() == i);
        }
        CHECK(held() - before <= 20'000);
    }
#endif
}

TEST_CASE("channel: permits that were given out keep their room when it is drained") {
    auto [tx, rx] = ramie::unbounded_channel<long>();
    std::deque<ramie::channel_permit<long>> permits;
    for (int i = 0; i < 10'000; ++i) permits.push_back(std::move(*tx.reserve()));
    for (long i = 0; i < 50'000; ++i) REQUIRE(tx.send(i));
    for (long i = 0; i < 50'000; ++i) REQUIRE(rx.receive() == i);
    for (long i = 0; i < 10'000; ++i) {
        REQUIRE(permits.front().send(long{i}));
        permits.pop_front();
    }
    for (long i = 0; i < 10'000; ++i) REQUIRE(rx.receive() == i);
}
