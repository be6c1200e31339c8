// The carrier of these tests starts a child for its joiner by the workers' rule (worker::claim_unstarted): only the newest
// task that has not started. All tests on that carrier see the order that this makes.
#include "one_thread_carrier.hpp"

#include <ramie/spawn.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

using namespace ramie::testing;

namespace {

// The order in which four children begin, if their parent joins number `joined` of them first.
std::string order(bool directly, std::size_t joined) {
    one_thread_carrier carrier;
    carrier.switch_directly(directly);
    std::string begun;
    auto parent = ramie::spawn([&] {
        std::vector<ramie::join_handle<void>> children;
        for (char const name : {'a', 'b', 'c', 'd'}) children.push_back(ramie::spawn([&, name] { begun += name; }));
        children[joined].get();
    });
    carrier.run();
    parent.get();
    return begun;
}

}  // namespace

TEST_CASE("one-thread carrier: the newest child begins when it is joined, before the older ones") {
    CHECK(order(true, 3) == "dabc");
}

TEST_CASE("one-thread carrier: a child that is not the newest begins in its turn, and its joiner waits") {
    for (std::size_t const joined : {0u, 1u, 2u}) CHECK(order(true, joined) == "abcd");
}

TEST_CASE("one-thread carrier: without direct switches each begins in its turn") { CHECK(order(false, 3) == "abcd"); }
