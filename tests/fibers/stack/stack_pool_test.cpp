// Where stacks come from and go to: slabs, the depot, decay, and what happens when the system refuses.
#include "../support/child_process.hpp"
#include "../support/stack_probe.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <thread>

#include <sys/resource.h>

using namespace ramie::detail;
using namespace ramie::testing;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;
constexpr auto never = clock_type::time_point::max();

// Each test takes a class of its own, so that what others left behind does not count.
std::uint8_t class_of_slot(std::size_t bytes) {
    auto const c = stack_class_for(bytes / 2);
    stack_cache cache;
    auto* const s = cache.take(c);
    REQUIRE(s->size() + largest_guard == bytes);
    cache.put(s);
    return c;
}

// Until nothing idle is left anywhere.
void return_all() {
    auto now = clock_type::now();
    for (int pass = 0; pass < 3; ++pass)
        if (trim_stacks(now += 24h) == never) return;
    FAIL("something idle is never returned");
}

std::map<stack_slab*, std::vector<stack*>> by_slab(std::vector<stack*> const& stacks) {
    std::map<stack_slab*, std::vector<stack*>> groups;
    for (auto* s : stacks) groups[s->slab].push_back(s);
    return groups;
}

std::size_t resident_pages(std::vector<stack*> const& stacks) {
    std::size_t sum = 0;
    for (auto* s : stacks) sum += ramie::testing::resident_pages(*s);
    return sum;
}

}  // namespace

TEST_CASE("stack pool: neighbours' hot pages lie an odd number of pages apart, and each slot keeps what its class promises") {
    for (std::size_t const slot : {std::size_t{256} << 10, std::size_t{1} << 20, std::size_t{8} << 20}) {
        CAPTURE(slot);
        stack_cache cache;
        auto const stacks = take(cache, 8, class_of_slot(std::max(slot, default_slot)));
        for (auto const& [slab, group] : by_slab(stacks)) {
            for (auto const* s : group) {
                CHECK(s->usable() + 448 >= s->size());
                auto const apart = static_cast<std::size_t>(std::abs(s->top - group.front()->top) + 512) / page();
                auto const distance = slot_distance(s->size_class, slab->apart()) / page();
                CHECK(apart % distance == 0);
                CHECK(distance % 2 == 1);
                CHECK(distance * page() == s->size() + (slab->apart() == spacing::wide ? wide_guard : largest_guard) - page());
            }
        }
        put(cache, stacks);
    }
}

TEST_CASE("stack pool: a slab that has been idle for the decay time is unmapped, and not before") {
    return_all();
    auto const before = stack_statistics();
    stack_cache cache;
    auto const c = class_of_slot(1 << 20);
    auto const in_slab = slots_per_slab(c, spacing::wide);
    auto const slabs = (300 + in_slab - 1) / in_slab;
    auto const stacks = take(cache, 300, c);
    for (auto* s : stacks) use(*s, 2);
    auto const in_use = stack_statistics();
    CHECK(in_use.slabs - before.slabs == slabs);
    CHECK(in_use.wide - before.wide == slabs * in_slab);
    CHECK(in_use.bytes_mapped - before.bytes_mapped == slabs * in_slab * slot_distance(c, spacing::wide));
    CHECK(in_use.live - before.live == 300);
    put(cache, stacks);
    cache.flush();

    auto const now = clock_type::now();
    auto const due = trim_stacks(now);
    CHECK(due > now + default_stack_decay - 5s);
    CHECK(due <= now + default_stack_decay);
    CHECK(stack_statistics().slabs == in_use.slabs);

    CHECK(trim_stacks(now + default_stack_decay) == never);
    auto const after = stack_statistics();
    CHECK(after.slabs == before.slabs);
    CHECK(after.bytes_mapped == before.bytes_mapped);
    CHECK(after.slabs_unmapped - before.slabs_unmapped == slabs);
    CHECK(after.wide == before.wide);
    CHECK(after.guarded_madvise + after.guarded_mprotect + after.unguarded ==
          before.guarded_madvise + before.guarded_mprotect + before.unguarded);
    CHECK(trim_stacks(now + 1h) == never);
}

TEST_CASE("stack pool: hot pages that nobody asks for go back within two decay times, though their slab is in use") {
    return_all();
    stack_cache cache;
    auto const stacks = take(cache, 128, class_of_slot(2 << 20));
    for (auto* s : stacks) {
        use(*s, 1);
        end_of(*s)[-static_cast<std::ptrdiff_t>(9 * page())] = std::byte{1};  // a frame with a hole, noted by nobody
    }
    std::vector<stack*> kept;
    std::vector<stack*> idle;
    for (auto const& [slab, group] : by_slab(stacks)) {
        kept.push_back(group.front());
        idle.insert(idle.end(), group.begin() + 1, group.end());
    }
    put(cache, idle);
    cache.flush();
    CHECK(resident_pages(idle) == 2 * idle.size());

    auto const now = clock_type::now();
    auto due = trim_stacks(now);
    CHECK(due <= now + default_stack_decay);
    due = trim_stacks(now + default_stack_decay);
    CHECK(due == now + 2 * default_stack_decay);
    due = trim_stacks(due);
    CHECK(due == never);
    CHECK(resident_pages(idle) == 0);
    CHECK(resident_pages(kept) == 2 * kept.size());
    CHECK(stack_statistics().idle >= idle.size());

    // They are as good as new.
    auto* const again = cache.take(kept.front()->size_class);
    CHECK(again->canary_intact());
    CHECK(again->lowest_sp == again->top);
    use(*again, 3);
    cache.put(again);
    put(cache, kept);
}

TEST_CASE("stack pool: hot pages in demand stay") {
    return_all();
    stack_cache cache;
    auto const c = class_of_slot(2 << 20);
    auto stacks = take(cache, slots_per_slab(c, spacing::wide), c);
    for (auto* s : stacks) use(*s, 1);
    auto* const kept = stacks.back();
    stacks.pop_back();
    auto now = clock_type::now();
    auto const trims = stack_statistics().madvise_trims;
    for (int round = 0; round < 5; ++round) {
        put(cache, stacks);
        cache.flush();
        now += default_stack_decay;
        trim_stacks(now);
        CHECK(resident_pages(stacks) == stacks.size());
        CHECK(take(cache, stacks.size(), kept->size_class).size() == stacks.size());
    }
    CHECK(stack_statistics().madvise_trims == trims);
    put(cache, stacks);
    cache.put(kept);
}

TEST_CASE("stack pool: the fuller slab serves first, so that the emptier one empties out") {
    return_all();
    stack_cache cache;
    auto const c = class_of_slot(4 << 20);
    auto const in_slab = slots_per_slab(c, spacing::wide);
    auto stacks = take(cache, 2 * in_slab, c);
    auto groups = by_slab(stacks);
    REQUIRE(groups.size() == 2);
    auto& fuller = groups.begin()->second;
    auto& emptier = groups.rbegin()->second;
    std::vector<stack*> idle(fuller.begin(), fuller.begin() + 4);
    idle.insert(idle.end(), emptier.begin(), emptier.end() - 4);
    put(cache, idle);
    cache.flush();
    auto const again = take(cache, 4, c);
    for (auto* s : again) CHECK(s->slab == fuller.front()->slab);
    put(cache, again);
    cache.flush();

    auto const slabs = stack_statistics().slabs;
    put(cache, {emptier.end() - 4, emptier.end()});
    cache.flush();
    trim_stacks(clock_type::now() + default_stack_decay);
    CHECK(slabs - stack_statistics().slabs == 1);
    put(cache, {fuller.begin() + 4, fuller.end()});
}

TEST_CASE("stack pool: a slab that is wanted now and then is not unmapped, the ones behind it are") {
    return_all();
    stack_cache cache;
    auto const c = class_of_slot(4 << 20);
    put(cache, take(cache, 3 * slots_per_slab(c, spacing::wide), c));
    cache.flush();
    auto const slabs = stack_statistics().slabs;
    set_stack_decay(50ms);
    CHECK(stack_decay() == 50ms);
    auto const end = clock_type::now() + 200ms;
    while (clock_type::now() < end) {
        cache.put(cache.take(c));
        cache.flush();
        trim_stacks(clock_type::now());
    }
    CHECK(slabs - stack_statistics().slabs == 2);
    set_stack_decay(default_stack_decay);
}

TEST_CASE("stack pool: a fresh slot that was fetched but never used has no pages and no guard") {
    return_all();
    stack_cache cache;
    auto const before = stack_statistics();
    auto* const one = cache.take(default_class());
    auto const after = stack_statistics();
    CHECK(after.guarded_madvise + after.guarded_mprotect + after.unguarded -
              (before.guarded_madvise + before.guarded_mprotect + before.unguarded) ==
          1);
    CHECK(after.cached > before.cached);
    cache.flush();
    for (auto now = clock_type::now(); trim_stacks(now) != never; now += default_stack_decay) {}
    CHECK(stack_statistics().madvise_trims == before.madvise_trims);
    auto const others = take(cache, after.cached - before.cached, default_class());
    CHECK(resident_pages(others) == 0);
    put(cache, others);
    cache.put(one);
}

TEST_CASE("stack pool: nothing is lost when several workers take and put each other's stacks") {
    return_all();
    auto const before = stack_statistics();
    std::mutex mutex;
    std::vector<stack*> shared;  // parked tasks, woken by whoever comes
    auto const c = class_of_slot(1 << 20);
    auto const worker = [&](unsigned seed) {
        stack_cache cache;
        std::minstd_rand random(seed);
        for (int i = 0; i < 20'000; ++i) {
            auto* s = random() % 2 != 0 ? cache.take(c) : nullptr;
            {
                std::lock_guard const lock(mutex);
                if (s != nullptr) {
                    *reinterpret_cast<unsigned*>(s->top - 64) = seed;
                    shared.push_back(s);
                    s = nullptr;
                }
                if (random() % 2 != 0 && !shared.empty()) {
                    std::swap(shared[random() % shared.size()], shared.back());
                    s = shared.back();
                    shared.pop_back();
                }
            }
            if (s != nullptr) cache.put(s);
            if (random() % 4096 == 0) cache.flush();
            if (random() % 1024 == 0) trim_stacks(clock_type::now() + 24h * (random() % 2));
        }
    };
    std::vector<std::thread> workers;
    for (unsigned seed = 1; seed <= 4; ++seed) workers.emplace_back(worker, seed);
    for (auto& w : workers) w.join();

    auto const parked = stack_statistics();
    CHECK(parked.live - before.live == shared.size());
    CHECK(parked.cached == before.cached);
    std::ranges::sort(shared);
    CHECK(std::ranges::adjacent_find(shared) == shared.end());
    {
        stack_cache cache;
        put(cache, shared);
    }
    auto const after = stack_statistics();
    CHECK(after.live == before.live);
    CHECK(after.idle - before.idle + after.fresh - before.fresh ==
          (after.slabs - before.slabs) * slots_per_slab(c, spacing::wide));
    return_all();
    CHECK(stack_statistics().slabs == before.slabs);
}

TEST_CASE("stack pool: a cache that is a static object may die last") {
    auto const end = in_child([] {
        static stack_cache cache;
        cache.put(cache.take(default_class()));
        std::exit(7);
    });
    CHECK_MESSAGE(end.exited_with(7), end.output);
}

TEST_CASE("stack pool: without address space, a smaller slab; then bad_alloc, and nothing is lost") {
    if (sanitized) {
        MESSAGE("skipped: sanitizers need their address space");
        return;
    }
    return_all();
    auto const end = in_child([] {
        std::vector<stack*> taken;
        taken.reserve(10'000);
        auto const before = stack_statistics();
        stack_cache cache;
        auto const c = default_class();
        taken.push_back(cache.take(c));
        auto const first = stack_statistics();
        std::ifstream statm("/proc/self/statm");
        std::size_t pages = 0;
        statm >> pages;
        rlimit limit{pages * page() + (110 << 20), RLIM_INFINITY};
        ::setrlimit(RLIMIT_AS, &limit);
        try {
            for (;;) taken.push_back(cache.take(c));
        } catch (std::bad_alloc const&) {}
        auto const full = stack_statistics();
        auto const more = full.bytes_mapped - first.bytes_mapped;
        // 16 MiB are left to malloc, and what is too little for a slot.
        bool const used_up = more > 90 << 20 && more <= 94 << 20 && full.fresh == 0;
        for (auto* s : taken) cache.put(s);
        cache.flush();
        auto const after = stack_statistics();
        bool const all_back = after.live == before.live && after.cached == before.cached;
        // Idle slabs of another class give way.
        auto* const large = cache.take(stack_class_for(8 << 20));
        std::printf("%d %d %d\n", used_up, all_back, large != nullptr);
    });
    CHECK_MESSAGE(end.exited_with(0), end.output);
    CHECK_MESSAGE(end.said("1 1 1"), end.output);
}

TEST_CASE("stack pool: a slab that the system will not let go is kept, and tried again") {
    if (sanitized) {
        MESSAGE("skipped: sanitizers have maps of their own");
        return;
    }
    return_all();
    auto const end = in_child([] {
        stack_cache cache;
        auto const c = default_class();
        // A slab between two others that the kernel has merged with it into one map: to unmap it needs one map more.
        std::map<std::byte*, std::vector<stack*>> slabs;
        auto const in_slab = slots_per_slab(c, spacing::wide);
        for (auto const& [slab, group] : by_slab(take(cache, 8 * in_slab, c)))
            if (group.size() == in_slab) slabs[std::ranges::min_element(group, {}, &stack::floor)[0]->floor] = group;
        auto const slab_bytes = in_slab * slot_distance(c, spacing::wide);
        auto const middle = std::ranges::find_if(slabs, [&](auto const& slab) {
            return slabs.contains(slab.first - slab_bytes) && slabs.contains(slab.first + slab_bytes);
        });
        if (middle == slabs.end()) return static_cast<void>(std::puts("no slab has neighbours"));
        put(cache, middle->second);
        cache.flush();
        auto const before = stack_statistics();

        auto const bytes = 2 * max_map_count() * page();
        auto* const filler = static_cast<std::byte*>(
            ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        std::size_t at = page();
        while (at < bytes && ::mprotect(filler + at, page(), PROT_READ) == 0) at += 2 * page();
        auto const now = clock_type::now();
        trim_stacks(now + 1h);
        auto const refused = stack_statistics();
        ::munmap(filler, bytes);
        trim_stacks(now + 2h);
        auto const after = stack_statistics();
        std::printf("refused: %zu slabs and %zu idle stacks fewer; then: %zu slabs\n", before.slabs - refused.slabs,
                    before.idle - refused.idle, before.slabs - after.slabs);
    });
    CHECK_MESSAGE(end.exited_with(0), end.output);
    if (end.said("no slab has neighbours")) MESSAGE("skipped: no slab has neighbours");
    else CHECK_MESSAGE(end.said("refused: 0 slabs and 0 idle stacks fewer; then: 1 slabs"), end.output);
}
