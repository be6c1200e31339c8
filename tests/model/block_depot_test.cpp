// block_depot: blocks of all lanes. A block is given to one thread at a time, and with what was written to it before; a slab is
// given back to the system only when none of its blocks is in use, and then not used any more; in the end all are given back.
// A slab of a model has three blocks.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "blocks/block_depot.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>

using namespace ramie::model;
using ramie::detail::block_depot;

namespace {

constexpr std::uint32_t block_bytes = 1024;
constexpr auto much_later = block_depot::time_point::max() - std::chrono::hours(1);

struct state {
    block_depot depot{block_bytes};

    unsigned take(std::array<void*, 3>& to, unsigned wanted) {
        auto const n = depot.take(to.data(), wanted);
        require(n >= 1 && n <= wanted, "too few, or too many");
        for (unsigned i = 0; i < n; ++i) ++*static_cast<int*>(to[i]);  // a race, if another has it too
        return n;
    }
    void use(unsigned wanted) {
        std::array<void*, 3> blocks;
        auto const n = take(blocks, wanted);
        depot.put(blocks.data(), n);
    }
    void trim() { (void)depot.trim(much_later, {}); }
    void all_is_back() {
        trim();
        require(depot.slabs() == 0, "a slab is left");
        require(depot.trim(much_later, {}) == block_depot::time_point::max(), "something is left to trim");
    }
};

}  // namespace

TEST_CASE("model: block_depot: a block is one thread's, and all come back") {
    check({2, 1}, [] {
        auto s = std::make_shared<state>();
        thread([=] { s->use(2); });
        thread([=] { s->use(2); });
        finally([=] { s->all_is_back(); });
    });
}

TEST_CASE("model: block_depot: a slab is unmapped only when it is idle, while others take from it") {
    check({2, 1}, [] {
        auto s = std::make_shared<state>();
        s->use(1);
        thread([=] { s->use(3); });
        thread([=] { s->use(1); });
        thread([=] { s->trim(); });
        finally([=] { s->all_is_back(); });
    });
}

TEST_CASE("model: block_depot: a full slab that gets one back serves again, and what one thread takes another may put") {
    check({2, 1}, [] {
        auto s = std::make_shared<state>();
        auto first = std::make_shared<std::array<void*, 3>>();
        require(s->take(*first, 3) == 3, "the slab has another size");
        thread([=] { s->depot.put(first->data(), 3); });
        thread([=] { s->use(2); });
        thread([=] { s->trim(); });
        finally([=] { s->all_is_back(); });
    });
}
