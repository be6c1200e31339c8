// What a stack is: its geometry, its guard, and which of its pages stay.
#include "../support/child_process.hpp"
#include "../support/stack_probe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>

#if RAMIE_ASAN
#include <sanitizer/asan_interface.h>
#endif

using namespace ramie::detail;
using namespace ramie::testing;

TEST_CASE("stack: a request is rounded up to the smallest class that has the bytes") {
    CHECK(stack_class_for(4096) == 0);
    stack_cache cache;
    std::uint8_t last = stack_class_for(64 << 20);
    for (std::uint8_t c = 0; c < last; ++c) {
        auto* const s = cache.take(c);
        CHECK(stack_class_for(s->size()) == c);
        CHECK(stack_class_for(s->size() + 1) == c + 1);
        CHECK(s->size() - s->usable() < 512);
        cache.put(s);
    }
}

TEST_CASE("stack: a request out of range is refused, naming the option and the range") {
    for (std::size_t const wrong : {std::size_t{0}, std::size_t{4095}, std::size_t{1} << 40, SIZE_MAX}) {
        CAPTURE(wrong);
        std::string text;
        try {
            static_cast<void>(stack_class_for(wrong));
        } catch (std::invalid_argument const& e) { text = e.what(); }
        CHECK(text.find("stack_size") != std::string::npos);
        CHECK(text.find(std::to_string(wrong)) != std::string::npos);
        CHECK(text.find("4096 to ") != std::string::npos);
    }
}

TEST_CASE("stack: all of it is memory, and eight neighbours start on different cache lines") {
    stack_cache cache;
    auto const stacks = take(cache, 8, default_class());
    std::set<std::uintptr_t> colours;
    for (auto* s : stacks) {
        CHECK(s->size() == default_stack_size);
        CHECK(reinterpret_cast<std::uintptr_t>(s->top) % 64 == 0);
        CHECK(end_of(*s) - s->top < static_cast<std::ptrdiff_t>(page() / 4));
        colours.insert(reinterpret_cast<std::uintptr_t>(s->top) % page());
        CHECK(s->canary_intact());
        *s->bottom = std::byte{0};
        s->top[-1] = std::byte{1};
        CHECK(s->guards(s->bottom - 1));
        CHECK(s->guards(s->floor));
        CHECK_FALSE(s->guards(s->bottom));
        CHECK_FALSE(s->guards(s->floor - 1));
    }
    CHECK(colours.size() == 8);
    put(cache, stacks);
}

TEST_CASE("stack: a frame of 1 MiB below a stack, and what it calls, reaches no other stack") {
    constexpr std::ptrdiff_t frame = (1 << 20) + 16'384;
    for (std::size_t const usable : {std::size_t{4096}, default_stack_size, std::size_t{2} << 20}) {
        CAPTURE(usable);
        stack_cache cache;
        auto stacks = take(cache, 200, stack_class_for(usable));
        std::ranges::sort(stacks, {}, &stack::floor);
        std::size_t alone = 0;
        std::size_t guarded = 0;
        for (std::size_t i = 0; i < stacks.size(); ++i) {
            auto const& s = *stacks[i];
            alone += i == 0 || end_of(*stacks[i - 1]) <= s.bottom - frame;
            // All of it is the stack's own guard.
            guarded += s.guards(s.bottom - frame) && (s.guard == guard_kind::canary || !readable(s.bottom - frame));
        }
        CHECK(alone == stacks.size());
        CHECK(guarded == stacks.size());
        put(cache, stacks);
    }
}

TEST_CASE("stack: 100,000 at once are each guarded, with few maps") {
    std::size_t const n = sanitized ? 2'000 : 100'000;
    stack_cache cache;
    auto const maps_before = count_maps();
    auto const stacks = take(cache, n, default_class());
    if (stacks.back()->guard != guard_kind::madvise) {
        MESSAGE("skipped: this kernel has no MADV_GUARD_INSTALL");
    } else {
        std::size_t guarded = 0;
        for (auto* s : stacks) {
            s->top[-1] = std::byte{1};
            guarded += !readable(s->bottom - 1) && !readable(s->floor) && readable(s->bottom);
        }
        CHECK(guarded == n);
        CHECK(count_maps() - maps_before < 500);
        CHECK(stack_statistics().guarded_madvise >= n);
    }
    put(cache, stacks);
}

TEST_CASE("stack: a guard stays when the pages are returned") {
    stack_cache cache;
    auto const before = stack_statistics().madvise_trims;
    auto const stacks = take(cache, 256, default_class());
    for (auto* s : stacks) use(*s, 4);
    put(cache, stacks);
    cache.flush();
    CHECK(stack_statistics().madvise_trims - before == 256);
    auto* const again = cache.take(default_class());
    if (again->guard == guard_kind::canary) MESSAGE("skipped: unguarded");
    else CHECK_FALSE(readable(again->bottom - 1));
    cache.put(again);
}

TEST_CASE("stack: a worker's cache keeps all pages of what is used again and again") {
    stack_cache cache;
    auto* const first = cache.take(default_class());
    use(*first, 3);
    cache.put(first);
    auto const before = stack_statistics();
    for (int i = 0; i < 1000; ++i) {
        auto* const s = cache.take(default_class());
        CHECK(s == first);
        CHECK(resident_pages(*s) == 3);
        use(*s, 3);
        cache.put(s);
    }
    CHECK(stack_statistics().madvise_trims == before.madvise_trims);
    CHECK(stack_statistics().cached == before.cached);
}

TEST_CASE("stack: a cache is bounded, and what overflows keeps its hot page only") {
    stack_cache cache;
    auto const stacks = take(cache, 1000, default_class());
    for (auto* s : stacks) use(*s, 5);
    auto const before = stack_statistics();
    put(cache, stacks);
    CHECK(cache.size() <= 64);
    auto const after = stack_statistics();
    CHECK(before.live - after.live == 1000);
    CHECK(after.madvise_trims - before.madvise_trims >= 1000 - 64);
    cache.flush();
    CHECK(cache.size() == 0);
    for (auto* s : stacks) {
        CHECK(resident_pages(*s) == 1);
        CHECK(end_of(*s)[64 - static_cast<std::ptrdiff_t>(page())] == std::byte{1});  // as it was left, not a new one
    }
}

TEST_CASE("stack: one that stayed in its hot page is given back without a system call, contents and all") {
    stack_cache cache;
    auto* const s = cache.take(default_class());
    use(*s, 2);
    cache.put(s);
    cache.flush();  // now its hot page is clean, its deeper ones gone
    auto const trims = stack_statistics().madvise_trims;
    auto* const again = cache.take(default_class());
    auto* const mark = reinterpret_cast<unsigned volatile*>(again->top - 64);
    *mark = 4711;
    cache.put(again);
    cache.flush();
    CHECK(stack_statistics().madvise_trims == trims);
    CHECK(resident_pages(*again) == 1);
    CHECK(*mark == 4711);
}

TEST_CASE("stack: one that stepped over the watermark is known by its lowest stack pointer") {
    stack_cache cache;
    auto* const s = cache.take(default_class());
    auto* const deep = end_of(*s) - 10 * page();
    *deep = std::byte{1};
    CHECK(s->note_sp(deep));
    CHECK(s->note_sp(s->top - 64));  // a later, higher one changes nothing
    cache.put(s);
    cache.flush();
    CHECK(resident_pages(*s) <= 1);
    CHECK(s->lowest_sp == s->top);
}

TEST_CASE("stack: its canary is the lowest word, if it has no guard") {
    stack_cache cache;
    auto* const s = cache.take(default_class());
    auto const real = s->guard;
    s->set_guard(guard_kind::canary);
    CHECK(s->canary_intact());
    *reinterpret_cast<std::uint64_t*>(s->bottom) = 1;
    CHECK_FALSE(s->canary_intact());
    s->set_guard(real == guard_kind::canary ? guard_kind::madvise : real);
    CHECK(s->canary_intact());  // a guarded one need not be looked at
    *reinterpret_cast<std::uint64_t*>(s->bottom) = 0;
    s->set_guard(guard_kind::canary);
    CHECK(s->canary_intact());
    s->set_guard(real);
    cache.put(s);
}

TEST_CASE("stack: a stack pointer below it, in its slab, is an overflow; one outside of the slab is somebody else's") {
    stack_cache cache;
    auto stacks = take(cache, 20, default_class());
    std::ranges::sort(stacks, {}, &stack::floor);
    auto* const first = stacks.front();
    auto* const s = *std::ranges::find_if(stacks, [&](stack* other) { return other != first && other->slab == first->slab; });
    std::byte elsewhere{};
    for (void const* const sp : {static_cast<void const*>(&elsewhere),
                                 static_cast<void const*>(end_of(*stacks.back()) + (std::size_t{1} << 30))}) {
        CHECK(s->note_sp(sp));
        CHECK_FALSE(s->below(sp));
        CHECK_FALSE(s->holds(sp));
        CHECK(s->lowest_sp == s->top);
    }
    for (auto* const sp : {s->bottom - 1, s->floor, first->top, first->floor}) {
        CHECK_FALSE(s->note_sp(sp));
        CHECK(s->below(sp));
        CHECK_FALSE(s->holds(sp));
    }
    for (auto* const sp : {s->top, s->top - 64, s->bottom}) {
        CHECK(s->note_sp(sp));
        CHECK_FALSE(s->below(sp));
        CHECK(s->holds(sp));
    }
    put(cache, stacks);
}

#if RAMIE_ASAN
TEST_CASE("stack: red zones of frames that were never left do not outlive the task") {
    stack_cache cache;
    auto* const s = cache.take(default_class());
    auto* const left = s->top - 1024;
    CHECK(s->note_sp(s->top - 40'000));
    ASAN_POISON_MEMORY_REGION(left, 64);
    ASAN_POISON_MEMORY_REGION(s->top - 40'000, 64);
    cache.put(s);
    CHECK(__asan_region_is_poisoned(s->bottom, s->usable()) == nullptr);
}
#endif

// What a process decides once is tried in a fresh one. The cases marked skip() are the other half.

TEST_CASE("stack: in a process that wants one kind of guard" * doctest::skip()) {
    std::string const kind = std::getenv("RAMIE_STACK_GUARD");
    stack_cache cache;
    auto const stacks = take(cache, 100, default_class());
    auto const m = stack_statistics();
    CHECK(m.guarded_mprotect == (kind == "mprotect" ? 100 : 0));
    CHECK(m.unguarded == (kind == "canary" ? 100 : 0));
    CHECK(m.guarded_madvise + m.guarded_mprotect + m.unguarded == 100);
    for (auto* s : stacks) {
        CHECK(readable(s->bottom - 1) == (kind == "canary"));
        CHECK(readable(s->bottom));
        CHECK(s->canary_intact());
        CHECK(resident_pages(*s) <= 1);
    }
    put(cache, stacks);
}

TEST_CASE("stack: each kind of guard can be asked for") {
    for (auto const* kind : {"madvise", "mprotect", "canary"}) {
        CAPTURE(kind);
        auto const end =
            in_fresh_process("stack: in a process that wants one kind of guard", "RAMIE_STACK_GUARD", kind);
        CHECK_MESSAGE(end.exited_with(0), end.output);
        CHECK_FALSE(end.said("RAMIE_STACK_GUARD is"));
    }
}

TEST_CASE("stack: a kind of guard that does not exist is refused once, by name, and the best one is taken") {
    auto const end =
        in_fresh_process("stack: in a process that wants one kind of guard", "RAMIE_STACK_GUARD", "hope");
    CHECK_MESSAGE(end.exited_with(0), end.output);
    auto const said = end.output.find("RAMIE_STACK_GUARD is \"hope\"; accepted are madvise, mprotect and canary");
    CHECK(said != std::string::npos);
    CHECK(end.output.find("RAMIE_STACK_GUARD is", said + 1) == std::string::npos);
}

TEST_CASE("stack: in a process that may use mprotect only" * doctest::skip()) {
    std::size_t const n = 20'000;
    stack_cache cache;
    auto const stacks = take(cache, n, default_class());
    auto m = stack_statistics();
    auto const limit = static_cast<std::size_t>(max_map_count());
    CHECK(m.guarded_mprotect + m.unguarded == n);
    CHECK(m.guarded_mprotect <= limit / 4);
    CHECK(m.guarded_mprotect > std::min(n, limit / 4) * 9 / 10);
    CHECK(static_cast<std::size_t>(count_maps()) <= limit / 2 + 100);
    auto const first_bare = std::ranges::find(stacks, guard_kind::canary, &stack::guard);
    CHECK(std::all_of(first_bare, stacks.end(), [](stack* s) { return s->guard == guard_kind::canary; }));
    for (auto* s : stacks) CHECK(readable(s->bottom - 1) == (s->guard == guard_kind::canary));

    // The slabs take their guards along, and the budget is there again.
    put(cache, stacks);
    cache.flush();
    CHECK(trim_stacks(std::chrono::steady_clock::now() + std::chrono::hours(1)) ==
          std::chrono::steady_clock::time_point::max());
    m = stack_statistics();
    CHECK(m.guarded_mprotect + m.unguarded + m.slabs == 0);
    auto* const again = cache.take(default_class());
    CHECK(again->guard == guard_kind::mprotect);
    cache.put(again);
}

TEST_CASE("stack: guards by mprotect leave half of vm.max_map_count to the program; the rest go unguarded") {
    if (sanitized) {
        MESSAGE("skipped: sanitizers have maps of their own");
        return;
    }
    auto const end =
        in_fresh_process("stack: in a process that may use mprotect only", "RAMIE_STACK_GUARD", "mprotect");
    CHECK_MESSAGE(end.exited_with(0), end.output);
}

TEST_CASE("stack: touching a guard kills") {
    if (sanitized) {
        MESSAGE("skipped: sanitizers turn the signal into a report");
        return;
    }
    stack_cache cache;
    auto* const s = cache.take(default_class());
    if (s->guard == guard_kind::canary) MESSAGE("skipped: unguarded");
    else
        for (auto* address : {s->bottom - 1, s->bottom - (s->bottom - s->floor) / 2, s->floor})
            CHECK(in_child([&] { *const_cast<std::byte volatile*>(address) = std::byte{1}; }).killed_by(SIGSEGV));
    cache.put(s);
}
