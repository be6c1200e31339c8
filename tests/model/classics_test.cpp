// The checker's own tests: algorithms that are known to be right, and the same with the known mistake.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>

using namespace ramie::model;
using enum std::memory_order;

namespace {

struct two_words {
    atomic<int> x{0}, y{0};
    int seen_x = -1, seen_y = -1;
};

// Each writes one word and reads the other's.
void store_buffering(order write, order read, bool fences) {
    auto s = std::make_shared<two_words>();
    thread([=] {
        s->x.store(1, write);
        if (fences) thread_fence(seq_cst);
        s->seen_y = s->y.load(read);
    });
    thread([=] {
        s->y.store(1, write);
        if (fences) thread_fence(seq_cst);
        s->seen_x = s->x.load(read);
    });
    finally([=] { require(s->seen_x == 1 || s->seen_y == 1, "neither saw the other"); });
}

void message_passing(order write, order read) {
    struct state {
        int data = 0;
        atomic<bool> ready{false};
    };
    auto s = std::make_shared<state>();
    thread([=] {
        s->data = 42;
        s->ready.store(true, write);
    });
    thread([=] {
        if (s->ready.load(read)) require(s->data == 42, "the data is not there");
    });
}

// Mutual exclusion of two, by Peterson.
void peterson(order write, order read) {
    struct state {
        atomic<bool> wants[2]{false, false};
        atomic<int> turn{0};
        int inside = 0;
    };
    auto s = std::make_shared<state>();
    for (int me : {0, 1}) {
        thread([=] {
            s->wants[me].store(true, write);
            s->turn.store(1 - me, write);
            while (s->wants[1 - me].load(read) && s->turn.load(read) == 1 - me) wait_for_a_change();
            ++s->inside;
            s->wants[me].store(false, release);
        });
    }
    finally([=] { require(s->inside == 2, "a turn is lost"); });
}

// A stack whose nodes are used again.
struct treiber {
    atomic<std::uint32_t> head{0};  // a node's number + 1; with a count above it, if that is wanted
    atomic<std::uint32_t> next[4]{0, 0, 0, 0};
    bool const counts;
    explicit treiber(bool with_count) : counts(with_count) {}
    std::uint32_t with(std::uint32_t before, std::uint32_t top) const { return counts ? ((before & 0xff00) + 0x100) | top : top; }

    void push(std::uint32_t n) {
        auto before = head.load(relaxed);
        do next[n].store(before & 0xff, relaxed);
        while (!head.compare_exchange_strong(before, with(before, n + 1), release, relaxed));
    }
    int pop() {
        auto before = head.load(acquire);
        while ((before & 0xff) != 0) {
            auto const top = before & 0xff;
            if (head.compare_exchange_strong(before, with(before, next[top - 1].load(relaxed)), acq_rel, acquire))
                return static_cast<int>(top - 1);
        }
        return -1;
    }
};
void reused_nodes(bool with_count) {
    auto s = std::make_shared<treiber>(with_count);
    auto owned = std::make_shared<std::array<atomic<int>, 4>>();
    s->push(1);
    s->push(0);
    auto const take = [=] {
        int const n = s->pop();
        if (n >= 0) require((*owned)[static_cast<std::size_t>(n)].fetch_add(1, relaxed) == 0, "a node is owned twice");
        return n;
    };
    thread([=] {
        (void)take();
        (void)take();
    });
    thread([=] {
        int const a = take();
        int const b = take();
        (void)b;
        if (a < 0) return;
        (*owned)[static_cast<std::size_t>(a)].fetch_sub(1, relaxed);
        s->push(static_cast<std::uint32_t>(a));
    });
}

void double_checked(order publish, order look) {
    struct state {
        atomic<int*> made{nullptr};
        atomic<bool> locked{false};
    };
    auto s = std::make_shared<state>();
    auto const get = [=] {
        auto* p = s->made.load(look);
        if (p == nullptr) {
            while (s->locked.exchange(true, acquire)) wait_for_a_change();
            p = s->made.load(relaxed);
            if (p == nullptr) {
                p = new int(7);
                s->made.store(p, publish);
            }
            s->locked.store(false, release);
        }
        require(*p == 7, "it is not made yet");
    };
    thread(get);
    thread(get);
}

}  // namespace

TEST_CASE("model: Dekker's way needs sequential consistency") {
    check(everything, [] { store_buffering(seq_cst, seq_cst, false); });
    check(everything, [] { store_buffering(relaxed, relaxed, true); });
    check_fails(everything, "neither saw the other", [] { store_buffering(release, acquire, false); });
    check_fails(everything, "neither saw the other", [] { store_buffering(seq_cst, acquire, false); });
    check_fails(everything, "neither saw the other", [] { store_buffering(release, seq_cst, false); });
}

TEST_CASE("model: membarrier makes one side's compiler fence enough") {
    auto const pair = [](bool heavy) {
        auto s = std::make_shared<two_words>();
        thread([=] {
            s->x.store(1, relaxed);
            compiler_fence();
            s->seen_y = s->y.load(relaxed);
        });
        thread([=] {
            s->y.store(1, relaxed);
            if (heavy) heavy_fence();
            else thread_fence(seq_cst);
            s->seen_x = s->x.load(relaxed);
        });
        finally([=] { require(s->seen_x == 1 || s->seen_y == 1, "neither saw the other"); });
    };
    check(everything, [&] { pair(true); });
    check_fails(everything, "neither saw the other", [&] { pair(false); });
}

TEST_CASE("model: a message needs release and acquire") {
    check(everything, [] { message_passing(release, acquire); });
    check(everything, [] { message_passing(seq_cst, seq_cst); });
    check_fails(everything, "a data race", [] { message_passing(relaxed, acquire); });
    check_fails(everything, "a data race", [] { message_passing(release, relaxed); });
}

TEST_CASE("model: Peterson's lock") {
    check(everything, [] { peterson(seq_cst, seq_cst); });
    check_fails(everything, "a data race", [] { peterson(release, acquire); });
}

TEST_CASE("model: a Treiber stack whose nodes come back needs a count") {
    check({3, 2}, [] { reused_nodes(true); });
    check_fails({3, 2}, "a node is owned twice", [] { reused_nodes(false); });
}

TEST_CASE("model: a double-checked lock") {
    check(everything, [] { double_checked(release, acquire); });
    check_fails(everything, "a data race", [] { double_checked(relaxed, acquire); });
    check_fails(everything, "a data race", [] { double_checked(release, relaxed); });
}

TEST_CASE("model: who waits for ever is found") {
    check_fails(everything, "nobody can go on", [] {
        auto s = std::make_shared<two_words>();
        thread([=] {
            while (s->x.load(acquire) == 0) wait_for_a_change();
        });
        thread([=] { s->y.store(1, release); });
    });
}

TEST_CASE("model: what was given back is not to be used") {
    check_fails(everything, "after it was given back", [] {
        auto* const p = new int(1);
        auto s = std::make_shared<two_words>();
        thread([=] {
            delete p;
            s->x.store(1, release);
        });
        thread([=] {
            if (s->x.load(acquire) == 1) require(*p == 1, "");
        });
    });
}
