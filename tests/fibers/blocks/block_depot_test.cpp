// Slabs of equal blocks and the depot over them: who serves, what is idle, what goes back to the system.
#include "blocks/block_depot.hpp"

#include "../support/child_process.hpp"
#include "../support/stack_probe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <new>
#include <set>
#include <thread>
#include <vector>

#include <sys/resource.h>

using namespace ramie::detail;
using namespace ramie::testing;
using std::chrono::steady_clock;

namespace {

constexpr std::uint32_t size = 512;

// A slab that goes when the test ends.
struct mapped {
    block_slab& slab = *block_slab::map(size);
    ~mapped() { slab.unmap(); }
};

std::vector<void*> take(block_depot& depot, unsigned n) {
    std::vector<void*> all(n);
    unsigned got = 0;
    while (got < n) got += depot.take(all.data() + got, n - got);
    return all;
}

void put(block_depot& depot, std::vector<void*> const& all) {
    depot.put(all.data(), static_cast<unsigned>(all.size()));
}

void return_all(block_depot& depot) {
    CHECK(depot.trim(steady_clock::now(), std::chrono::nanoseconds(0)) == steady_clock::time_point::max());
    CHECK(depot.slabs() == 0);
}

}  // namespace

TEST_CASE("block slab: gives out each of its blocks once, lowest first, and knows them by their address") {
    mapped m;
    std::vector<void*> all(m.slab.capacity() + 1);
    CHECK(m.slab.idle());
    CHECK(m.slab.take(all.data(), 100) == 100);
    CHECK(m.slab.take(all.data() + 100, m.slab.capacity()) == m.slab.capacity() - 100);
    CHECK(m.slab.full());
    CHECK(m.slab.take(all.data() + m.slab.capacity(), 1) == 0);
    all.pop_back();
    CHECK(std::ranges::is_sorted(all));
    auto const* const end = reinterpret_cast<std::byte*>(&m.slab) + block_slab::bytes;
    CHECK(static_cast<std::byte*>(all.back()) + size <= end);
    CHECK(end - static_cast<std::byte*>(all.back()) < 2 * size);  // none is wasted
    for (std::size_t i = 1; i < all.size(); ++i)
        REQUIRE(static_cast<std::byte*>(all[i]) - static_cast<std::byte*>(all[i - 1]) == size);
    for (auto* b : all) REQUIRE(&block_slab::of(b) == &m.slab);
    for (auto* b : all) m.slab.put(b);
    CHECK(m.slab.idle());
}

TEST_CASE("block slab: what comes back in any order goes out in address order") {
    mapped m;
    std::array<void*, 1000> all{};
    CHECK(m.slab.take(all.data(), 1000) == 1000);
    std::vector<void*> evens, shuffled;
    for (std::size_t i = 0; i < 300; ++i) evens.push_back(all[2 * i]);
    for (std::size_t i = 0; i < 300; ++i) shuffled.push_back(evens[i * 7 % 300]);
    for (auto* b : shuffled) m.slab.put(b);
    CHECK(m.slab.used() == 700);
    std::vector<void*> again(300);
    CHECK(m.slab.take(again.data(), 300) == 300);
    CHECK(again == evens);
    for (auto* b : all) m.slab.put(b);
}

TEST_CASE("block depot: memory used before goes out before memory never touched") {
    block_depot depot(size);
    auto const capacity = [&] {
        mapped m;
        return m.slab.capacity();
    }();
    auto const first = take(depot, capacity);  // one slab
    auto const second = take(depot, 10);       // and one just begun
    CHECK(depot.slabs() == 2);
    std::vector const some(first.begin() + 100, first.begin() + 150);
    put(depot, some);
    CHECK(take(depot, 50) == some);
    put(depot, first);
    put(depot, second);
    return_all(depot);
}

TEST_CASE("block depot: an idle slab goes when its time is over, a used one stays") {
    block_depot depot(size);
    auto all = take(depot, 10'000);
    auto const slabs = depot.slabs();
    CHECK(slabs >= 3);
    auto* const kept = all.back();
    all.pop_back();
    auto const before = steady_clock::now();
    put(depot, all);
    auto const after = steady_clock::now();
    using namespace std::chrono_literals;
    auto const due = depot.trim(after, 1h);
    CHECK(due >= before + 1h);
    CHECK(due <= after + 1h);
    CHECK(depot.slabs() == slabs);
    CHECK(depot.trim(after + 1h, 1h) == steady_clock::time_point::max());
    CHECK(depot.slabs() == 1);
    put(depot, {kept});
    return_all(depot);
}

TEST_CASE("block depot: a system without memory is std::bad_alloc, and with memory it goes on (forks)") {
    if (sanitized) {
        MESSAGE("skipped: sanitizers need their address space");
        return;
    }
    auto const end = in_child([] {
        block_depot depot(size);
        std::array<void*, 64> room;
        std::size_t total = depot.take(room.data(), 1);
        auto const capacity = block_slab::of(room[0]).capacity();
        rlimit const none{0, RLIM_INFINITY}, all{RLIM_INFINITY, RLIM_INFINITY};
        ::setrlimit(RLIMIT_AS, &none);
        bool refused = false;
        try {
            while (total <= capacity) total += depot.take(room.data(), 64);
        } catch (std::bad_alloc const&) {
            refused = true;
        }
        ::setrlimit(RLIMIT_AS, &all);
        bool const used_up = total == capacity && depot.slabs() == 1;
        bool const goes_on = depot.take(room.data(), 1) == 1 && depot.slabs() == 2;
        std::printf("%d %d %d\n", refused, used_up, goes_on);
    });
    CHECK_MESSAGE(end.exited_with(0), end.output);
    CHECK_MESSAGE(end.said("1 1 1"), end.output);
}

TEST_CASE("block depot: many threads take and free each other's blocks, and none is given out twice") {
    block_depot depot(size);
    std::mutex mutex;
    std::vector<void*> handed;
    std::atomic<int> clashes{0};
    auto const work = [&](std::uintptr_t me) {
        void* mine[40];
        for (int round = 0; round < 2000; ++round) {
            auto const n = depot.take(mine, static_cast<unsigned>(1 + round % 40));
            for (unsigned i = 0; i < n; ++i) *static_cast<std::uintptr_t*>(mine[i]) = me;
            for (unsigned i = 0; i < n; ++i) clashes += *static_cast<std::uintptr_t*>(mine[i]) != me;
            std::lock_guard const held(mutex);
            handed.insert(handed.end(), mine, mine + n);
            if (handed.size() < 3000) continue;
            depot.put(handed.data() + 1000, static_cast<unsigned>(handed.size() - 1000));
            handed.resize(1000);
        }
    };
    std::vector<std::thread> threads;
    for (std::uintptr_t i = 1; i <= 4; ++i) threads.emplace_back(work, i);
    for (auto& t : threads) t.join();
    CHECK(clashes == 0);
    CHECK(std::set(handed.begin(), handed.end()).size() == handed.size());
    put(depot, handed);
    return_all(depot);
}
