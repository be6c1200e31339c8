// Backtraces of suspended fibers, from copies of their stacks.
#include "looks.hpp"
#include "one_thread_carrier.hpp"

#include <ramie/channel.hpp>
#include <ramie/notify.hpp>
#include <ramie/spawn.hpp>
#include <ramie/this_fiber.hpp>

#include <doctest/doctest.h>

#include <random>
#include <stdexcept>

using namespace ramie::testing;
using namespace std::chrono_literals;
using ramie::detail::trace;

// Built as most programs are.
#if !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("omit-frame-pointer")
#endif

namespace {

ramie::notify never_comes;
int volatile sink = 0;

[[gnu::noinline]] void innermost() {
    never_comes.wait();
    sink = sink + 1;
}
[[gnu::noinline]] void middle(int n) {
    if (n > 0)
        middle(n - 1);
    else
        innermost();
    sink = sink + n;
}
[[gnu::noinline]] void outermost(int depth) {
    middle(depth);
    sink = sink + 2;
}

struct waits_when_destroyed {
    ~waits_when_destroyed() {
        ramie::abort_shield const whole;
        innermost();
        sink = sink + 1;
    }
};
[[gnu::noinline]] void waits_while_unwinding() {
    waits_when_destroyed const last;
    if (sink >= 0) throw std::runtime_error("it fails");
}
[[gnu::noinline]] void waits_in_handler() {
    try {
        throw std::runtime_error("it fails");
    } catch (std::runtime_error const&) {
        innermost();
        sink = sink + 1;
    }
}
// A frame whose size is known only when it runs.
[[gnu::noinline]] void with_alloca(std::size_t bytes) {
    auto* const room = static_cast<char volatile*>(__builtin_alloca(bytes));
    room[0] = 1;
    innermost();
    room[bytes - 1] = 2;
}

}  // namespace

#if !defined(__clang__)
#pragma GCC pop_options
#endif

namespace {

bool const unwinds = ramie::detail::unwinder::needs_no_frame_pointers() && ramie::detail::symbols::know_lines();

// What all end with.
void let_all_end() {
    never_comes.notify_all();
}

}  // namespace

TEST_CASE("trace: a suspended fiber's goes from its wait through code without frame pointers to its entry" *
          doctest::skip(!unwinds)) {
    one_thread_carrier carrier;
    auto handle = ramie::spawn([] { outermost(3); });
    carrier.drain();
    looking look;
    REQUIRE(look.at(handle).has_copy);
    CHECK(look.frames().end == trace::ending::entry);
    auto const names = look.functions();
    CAPTURE(names);
    CHECK(come_in_order(
        names, {"ramie::notify::wait", "innermost", "middle", "middle", "middle", "middle", "outermost", "task::run"}));
    let_all_end();
    carrier.drain();
}

TEST_CASE("trace: a fiber that waits in a handler, and one that waits while an exception unwinds it" *
          doctest::skip(!unwinds)) {
    one_thread_carrier carrier;
    auto in_handler = ramie::spawn([] { waits_in_handler(); });
    auto unwinding = ramie::spawn([] { waits_while_unwinding(); });
    carrier.drain();
    looking look;
    REQUIRE(look.at(in_handler).has_copy);
    CHECK(look.frames().end == trace::ending::entry);
    CHECK(come_in_order(look.functions(), {"innermost", "waits_in_handler", "task::run"}));
    REQUIRE(look.at(unwinding).has_copy);
    CHECK(look.frames().end == trace::ending::entry);
    auto const names = look.functions();
    CAPTURE(names);
    CHECK(come_in_order(names, {"innermost", "waits_when_destroyed", "waits_while_unwinding", "task::run"}));
    let_all_end();
    carrier.drain();
    CHECK_THROWS_AS(unwinding.get(), std::runtime_error);
}

TEST_CASE("trace: a fiber that yields has one, too" * doctest::skip(!unwinds)) {
    one_thread_carrier carrier;
    bool over = false;
    auto const handle = ramie::spawn([&] {
        while (!over) ramie::this_fiber::yield();
    });
    auto other = ramie::spawn([&] {
        while (!over) ramie::this_fiber::yield();
    });
    carrier.step();
    carrier.step();
    looking look;
    auto const seen = look.at(handle);
    CHECK(seen.now == ramie::detail::task_sight::doing::is_ready);
    REQUIRE(seen.has_copy);
    CHECK(look.frames().end == trace::ending::entry);
    CHECK(come_in_order(look.functions(), {"this_fiber::yield", "task::run"}));
    over = true;
    carrier.drain();
}

TEST_CASE("trace: a very deep stack is shown as far as traces go, and says so" * doctest::skip(!unwinds)) {
    one_thread_carrier carrier;
    auto handle = ramie::spawn({.stack_size = 1 << 20}, [] { outermost(2000); });
    carrier.drain();
    looking look;
    REQUIRE(look.at(handle).has_copy);
    CHECK(look.frames().end == trace::ending::deep);
    CHECK(look.frames().frames.size() == trace::most_frames);
    CHECK(come_in_order(look.functions(), {"innermost", "middle"}));
    let_all_end();
    carrier.drain();
}

TEST_CASE("trace: equal stacks are walked once, whatever colour they have; different ones are told apart") {
    one_thread_carrier carrier;
    std::vector<ramie::join_handle<void>> equal, other;
    for (int i = 0; i < 100; ++i) equal.push_back(ramie::spawn([] { outermost(2); }));
    for (int i = 0; i < 10; ++i) other.push_back(ramie::spawn([i] { outermost(3 + i); }));
    carrier.drain();
    looking look;
    std::vector<ramie::detail::trace_number> numbers;
    for (auto const& h : equal) {
        REQUIRE(look.at(h).has_copy);
        numbers.push_back(look.book.find(look.watcher.copy()));
    }
    CHECK(std::ranges::count(numbers, numbers[0]) == 100);
    CHECK(look.book.walks() == 1);
    for (auto const& h : other) {
        REQUIRE(look.at(h).has_copy);
        numbers.push_back(look.book.find(look.watcher.copy()));
    }
    std::ranges::sort(numbers);
    CHECK(std::unique(numbers.begin(), numbers.end()) - numbers.begin() == 11);
    let_all_end();
    carrier.drain();
}

TEST_CASE("trace: frames of different sizes are different layouts of one trace" * doctest::skip(!unwinds)) {
    one_thread_carrier carrier;
    auto const small = ramie::spawn([] { with_alloca(std::size_t(sink < 0 ? 32 : 64)); });
    carrier.drain();
    looking look;
    REQUIRE(look.at(small).has_copy);
    auto const first = look.functions();
    CHECK(come_in_order(first, {"innermost", "with_alloca", "task::run"}));
    let_all_end();
    carrier.drain();
}

TEST_CASE("trace: a full book gives one number to all that comes later") {
    one_thread_carrier carrier;
    std::vector<ramie::join_handle<void>> all;
    for (int i = 0; i < 10; ++i) all.push_back(ramie::spawn([i] { outermost(i); }));
    carrier.drain();
    looking look;
    ramie::detail::trace_book small(4);
    std::vector<ramie::detail::trace_number> numbers;
    for (auto const& h : all) {
        REQUIRE(look.at(h).has_copy);
        numbers.push_back(small.find(look.watcher.copy()));
    }
    CHECK(std::ranges::count(numbers, ramie::detail::trace_book::others) == 8);
    CHECK(small[ramie::detail::trace_book::others].frames.empty());
    let_all_end();
    carrier.drain();
}

// As of a stack that ran while it was copied.
TEST_CASE("trace: a copy with any words in it leads to some trace, and to no fault") {
    one_thread_carrier carrier;
    auto const handle = ramie::spawn([] { outermost(20); });
    carrier.drain();
    looking look;
    auto& t = ramie::detail::access::held(handle);
    std::mt19937_64 random(7);
    auto const* const from = static_cast<std::uintptr_t const*>(t.context);
    auto const count = static_cast<std::size_t>(reinterpret_cast<std::uintptr_t const*>(t.stack->top) - from);
    alignas(64) static std::array<std::uintptr_t, 4096> spoiled;
    REQUIRE(count < spoiled.size());
    ramie::detail::unwinder walker;
    std::size_t complete = 0;
    for (int round = 0; round < 2000; ++round) {
        auto* const begin = spoiled.data() + spoiled.size() - count;
        auto* const end = spoiled.data() + spoiled.size();
        auto const moved = reinterpret_cast<std::uintptr_t>(begin) - reinterpret_cast<std::uintptr_t>(from);
        for (std::size_t i = 0; i < count; ++i) {
            std::uintptr_t word = 0;
            ramie::detail::read_unwatched(from + i, &word, sizeof word);
            begin[i] = t.stack->holds(reinterpret_cast<void const*>(word)) ? word + moved : word;
        }
        for (int change = 0; change < round % 8; ++change) {
            auto const chosen = begin[random() % count];
            std::uintptr_t const values[] = {random(), 0, chosen + 8,
                                             reinterpret_cast<std::uintptr_t>(begin) + random() % 4096,
                                             reinterpret_cast<std::uintptr_t>(&outermost) + random() % 4096};
            begin[random() % count] = values[random() % std::size(values)];
        }
        ramie::detail::stack_copy copy;
        copy.take_saved(begin, end);
        trace out;
        std::vector<ramie::detail::frame_check> checks;
        (void)walker.walk(copy, out, checks);
        complete += out.end == trace::ending::entry;
        CHECK(out.frames.size() <= trace::most_frames);
    }
    CHECK(complete >= 200);  // those without a change, at least
    let_all_end();
    carrier.drain();
}

TEST_CASE("symbols: a function's name, file and line; and what addr2line wants") {
    ramie::detail::symbols symbols;
    auto const address = reinterpret_cast<std::uintptr_t>(&outermost);
    auto const file = symbols.in_file(address);
    CHECK(file.file.find("fibers-tests") != std::string::npos);
    CHECK(file.offset > 0);
    if (ramie::detail::symbols::know_lines()) {
        auto const& places = symbols.of(address, false);
        REQUIRE_FALSE(places.empty());
        CHECK(places.back().function.find("outermost") != std::string::npos);
        CHECK(places.back().file.ends_with("trace_test.cpp"));
        CHECK(places.back().line > 30);
    }
    CHECK(symbols.of(8, false).empty());
    CHECK(symbols.in_file(8).file.empty());
}
