// A lane's freed blocks: given out again by size, and traded with the depot many at a time.
#include "blocks/block_depot.hpp"

#include <ramie/detail/blocks/block_cache.hpp>
#include <ramie/detail/blocks/task_block.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <utility>
#include <vector>

using namespace ramie::detail;

namespace {

// Sizes that no task of these tests has, so that their depots hold what is put there here.
constexpr std::size_t odd_size = 1000, another_odd_size = 1016;

std::vector<void*> take(block_cache& cache, std::size_t size, std::size_t n) {
    std::vector<void*> all;
    for (std::size_t i = 0; i < n; ++i) all.push_back(cache.take(size));
    return all;
}

void put(block_cache& cache, std::size_t size, std::vector<void*> const& all) {
    for (auto* b : all) cache.put(b, size);
}

int breaks_in_order(std::vector<void*> const& blocks) {
    int breaks = 0;
    for (std::size_t i = 1; i < blocks.size(); ++i) breaks += blocks[i] < blocks[i - 1];
    return breaks;
}

void return_idle() { (void)trim_blocks(std::chrono::steady_clock::now(), std::chrono::nanoseconds(0)); }

}  // namespace

TEST_CASE("block cache: the block freed last is given out first, for any size that rounds to the same") {
    block_cache cache;
    auto* const a = cache.take(odd_size);
    auto* const b = cache.take(odd_size - 7);
    cache.put(a, odd_size);
    cache.put(b, odd_size - 7);
    auto* const other = cache.take(odd_size - 8);
    CHECK(other != a);
    CHECK(other != b);
    cache.put(other, odd_size - 8);
    CHECK(cache.take(odd_size) == b);
    CHECK(cache.take(odd_size - 7) == a);
    put(cache, odd_size, {a, b});
}

TEST_CASE("block cache: of a lane that frees what others have taken keeps it, too") {
    block_cache takes, frees;
    auto const blocks = take(takes, odd_size, 3);
    put(frees, odd_size, blocks);
    for (auto i = blocks.size(); i > 0; --i) CHECK(frees.take(odd_size) == blocks[i - 1]);  // not the depot's lowest
    put(frees, odd_size, blocks);
}

TEST_CASE("block cache: any size fits, is aligned as its size is, and is nobody else's") {
    block_cache cache;
    std::vector<std::pair<std::size_t, unsigned char*>> all;
    for (std::size_t size = 1; size <= block_size::largest; ++size) {
        auto* const b = static_cast<unsigned char*>(cache.take(size));
        std::memset(b, static_cast<int>(size % 251), size);
        all.emplace_back(size, b);
        auto const alignment = std::min<std::size_t>(size & (~size + 1), alignof(std::max_align_t));
        REQUIRE(reinterpret_cast<std::uintptr_t>(b) % alignment == 0);
    }
    for (auto const& [size, b] : all) {
        REQUIRE(std::all_of(b, b + size, [&](unsigned char c) { return c == size % 251; }));
        cache.put(b, size);
    }
}

TEST_CASE("block cache: fresh blocks come in address order, and again when all were freed, in whatever order") {
    return_idle();
    block_cache cache;
    auto first = take(cache, odd_size, 5000);
    CHECK(breaks_in_order(first) <= 2);  // where one slab ends and another begins
    for (std::size_t i = 0; i < first.size(); ++i) std::swap(first[i], first[i * 7 % first.size()]);
    put(cache, odd_size, first);
    cache.flush();
    auto const second = take(cache, odd_size, 5000);
    CHECK(std::set(second.begin(), second.end()) == std::set(first.begin(), first.end()));
    CHECK(breaks_in_order(second) <= 2);
    put(cache, odd_size, second);
}

TEST_CASE("block cache: keeps a limited number; another lane gets the others") {
    block_cache here, there;
    auto const mine = take(here, another_odd_size, 3000);
    put(here, another_odd_size, mine);
    std::set const freed(mine.begin(), mine.end());
    auto const theirs = take(there, another_odd_size, 3000);
    auto const again = std::ranges::count_if(theirs, [&](void* b) { return freed.contains(b); });
    CHECK(again >= 3000 - block_cache::most - 2 * block_cache::batch);  // some were fetched ahead
    put(there, another_odd_size, theirs);
}

TEST_CASE("block cache: what was flushed goes back to the system once it has been idle") {
    using clock = std::chrono::steady_clock;
    block_cache cache;
    return_idle();
    auto const many = take(cache, odd_size, 10'000);
    CHECK(block_depot_of(odd_size).slabs() == 5);
    put(cache, odd_size, many);
    cache.flush();
    auto const next = trim_blocks(clock::now(), std::chrono::hours(1));
    CHECK(next > clock::now());
    CHECK(next != clock::time_point::max());
    CHECK(block_depot_of(odd_size).slabs() == 5);
    return_idle();
    CHECK(block_depot_of(odd_size).slabs() == 0);
    auto* const b = cache.take(odd_size);  // and on it goes
    cache.put(b, odd_size);
}

TEST_CASE("a task's block may be of any size, and be freed by any thread") {
    std::vector<std::pair<std::size_t, void*>> all;
    for (std::size_t size : {1, 64, 200, 1024, 1025, 100'000}) {
        auto* const b = take_block(size);
        std::memset(b, 1, size);
        all.emplace_back(size, b);
    }
    std::thread([&] {
        for (auto const& [size, b] : all) put_block(b, size);
    }).join();
}
