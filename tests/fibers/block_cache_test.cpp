// A lane's freed blocks: given out again by size, at most so many.
#include <ramie/detail/block_cache.hpp>

#include <doctest/doctest.h>

#include <new>
#include <vector>

using ramie::detail::block_cache;

namespace {
void* fresh(std::size_t size) { return ::operator new(block_cache::rounded(size)); }
}  // namespace

TEST_CASE("block cache: the block freed last is given out first, for any size that rounds to the same") {
    block_cache cache;
    CHECK(cache.take(200) == nullptr);
    auto* const a = fresh(200);
    auto* const b = fresh(200);
    CHECK(cache.put(a, 200));
    CHECK(cache.put(b, 185));
    CHECK(cache.take(184) == nullptr);
    CHECK(cache.take(201) == nullptr);
    CHECK(cache.take(200) == b);
    CHECK(cache.take(185) == a);
    CHECK(cache.take(200) == nullptr);
    ::operator delete(a);
    ::operator delete(b);
}

TEST_CASE("block cache: any size fits into what it rounds to, with less than two words to spare") {
    for (std::size_t size = 1; size <= 1024; ++size) {
        CAPTURE(size);
        auto const rounded = block_cache::rounded(size);
        REQUIRE(rounded >= size);
        REQUIRE(rounded < size + 16);
        REQUIRE(block_cache::rounded(rounded) == rounded);
    }
    block_cache cache;
    auto* const largest = fresh(1024);
    CHECK(cache.put(largest, 1024));
    CHECK(cache.take(1024) == largest);
    ::operator delete(largest);
}

TEST_CASE("block cache: keeps a limited number of each size, and nothing large") {
    block_cache cache;
    std::vector<void*> refused;
    for (int i = 0; i < 2000; ++i) {
        auto* const block = fresh(64);
        if (!cache.put(block, 64)) refused.push_back(block);
    }
    CHECK(refused.size() == 2000 - 1024);
    for (auto* r : refused) ::operator delete(r);
    auto* const large = fresh(4096);
    CHECK_FALSE(cache.put(large, 4096));
    CHECK(cache.take(4096) == nullptr);
    ::operator delete(large);
    cache.flush();
    CHECK(cache.take(64) == nullptr);
}
