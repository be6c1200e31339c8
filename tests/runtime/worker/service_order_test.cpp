// The order of service: a table of what is chosen, and how long each source waits at most, whatever the others do. The
// latter is found by trying everything: a worker's others may fill and empty their queues between two picks as they
// like.
#include "worker/service_order.hpp"

#include "queues/spawn_turn.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

using ramie::detail::service_order;
using source = service_order::source;
using tick = service_order::tick;

namespace {

// Which sources have something, a bit each.
class waiting {
  public:
    constexpr waiting() = default;
    constexpr waiting(std::initializer_list<source> these) {
        for (auto s : these) bits_ |= bit(s);
    }
    constexpr explicit waiting(unsigned bits) : bits_(bits) {}
    constexpr bool has(source s) const { return (bits_ & bit(s)) != 0; }
    constexpr bool own() const { return has(source::own); }
    constexpr bool next() const { return has(source::next); }
    constexpr bool ring() const { return has(source::ring); }
    constexpr bool spawned() const { return has(source::spawned); }
    constexpr unsigned bits() const { return bits_; }

  private:
    static constexpr unsigned bit(source s) { return s == source::nothing ? 0 : 1u << (static_cast<unsigned>(s) - 1); }
    unsigned bits_ = 0;
};

constexpr source all_sources[] = {source::own, source::next, source::ring, source::spawned};
constexpr unsigned all_of_them = 16;
constexpr tick even = 2, odd = 3;

// An order in which the next-slot was served so many times in a row.
service_order after_next(unsigned times) {
    service_order order;
    order.looked(1);
    for (unsigned i = 0; i < times; ++i) order.took(source::next);
    return order;
}

// A worker's picks, one after the other. At a pick that is due for a look it takes nothing.
struct picks {
    service_order order;
    tick now = 0;
    // Nothing: it looked around.
    std::optional<source> pick(waiting w) {
        ++now;
        if (order.is_due(now) && order.attend(now)) {
            order.looked(++now);
            return {};
        }
        auto const s = order.choose(now, w);
        order.took(s);
        return s;
    }
    // What tells one state from another, with the ticks counted from now.
    using state = std::tuple<bool, unsigned, tick, tick>;
    state seen() const {
        auto probe = order;
        unsigned until_ring = 0;
        for (; probe.choose(even, waiting{source::next, source::ring}) != source::ring; ++until_ring) probe.took(source::next);
        tick due = 1, look = 1;
        while (!order.is_due(now + due)) ++due;
        while (!order.wants_look(now + look)) ++look;
        return {(now & 1) != 0, until_ring, due, look};
    }
};

// How many tasks of other sources are taken, at most, while one waits at the head of its own; nothing: there is no end
// to it. The others fill and empty their queues between two picks in any way; and the worker may be hurried.
class longest_wait {
  public:
    explicit longest_wait(source of) : of_(of) {}
    std::optional<unsigned> find() {
        std::optional<unsigned> most = 0;
        for (auto const& p : reachable()) most = larger(most, from(p));
        return most;
    }

  private:
    static std::optional<unsigned> larger(std::optional<unsigned> a, std::optional<unsigned> b) {
        return a && b ? std::optional(std::max(*a, *b)) : std::nullopt;
    }
    static std::vector<picks> reachable() {
        std::map<picks::state, picks> reached;
        std::vector<picks> open{picks{}};
        while (!open.empty()) {
            auto const p = open.back();
            open.pop_back();
            if (!reached.try_emplace(p.seen(), p).second) continue;
            for (unsigned bits = 0; bits < all_of_them; ++bits) {
                for (bool const hurried : {false, true}) {
                    open.push_back(p);
                    if (hurried) open.back().order.hurry();
                    (void)open.back().pick(waiting(bits));
                }
            }
        }
        std::vector<picks> all;
        for (auto const& [_, p] : reached) all.push_back(p);
        return all;
    }
    std::optional<unsigned> from(picks const& p) {
        auto const [known, is_new] = known_.try_emplace(p.seen(), std::nullopt);  // if it is met again, it goes round
        if (!is_new) return known->second;
        std::optional<unsigned> most = 0;
        for (unsigned bits = 0; bits < all_of_them; ++bits) {
            waiting const w(bits);
            if (!w.has(of_)) continue;
            for (bool const hurried : {false, true}) {
                auto then = p;
                if (hurried) then.order.hurry();
                auto const taken = then.pick(w);
                if (taken == of_) continue;
                auto const rest = from(then);
                most = larger(most, rest ? std::optional(*rest + (taken ? 1 : 0)) : std::nullopt);
            }
        }
        return known->second = most;
    }

    source of_;
    std::map<picks::state, std::optional<unsigned>> known_;
};

constexpr unsigned for_ever = ~0u;
unsigned most_served_before(source s) { return longest_wait(s).find().value_or(for_ever); }

}  // namespace

TEST_CASE("service_order: what is served, of what waits") {
    struct {
        waiting what;
        unsigned nexts;  // in a row, before
        tick at;
        source served;
    } const table[] = {
        {{}, 0, even, source::nothing},
        {{}, 3, odd, source::nothing},
        // Each by itself is served at any pick.
        {{source::own}, 0, even, source::own},
        {{source::own}, 0, odd, source::own},
        {{source::next}, 0, even, source::next},
        {{source::next}, 3, odd, source::next},
        {{source::ring}, 0, even, source::ring},
        {{source::ring}, 0, odd, source::ring},
        {{source::spawned}, 0, even, source::spawned},
        {{source::spawned}, 3, odd, source::spawned},
        // Own: the first at odd picks, the last at even ones.
        {{source::own, source::next, source::ring, source::spawned}, 3, odd, source::own},
        {{source::own, source::spawned}, 0, even, source::spawned},
        {{source::own, source::ring}, 0, even, source::ring},
        // The next-slot comes before ring and spawned ones, but not four times in a row before the ring.
        {{source::next, source::ring, source::spawned}, 0, even, source::next},
        {{source::next, source::ring, source::spawned}, 2, even, source::next},
        {{source::next, source::ring, source::spawned}, 3, even, source::ring},
        {{source::next, source::ring, source::spawned}, 3, odd, source::ring},
        {{source::next, source::spawned}, 3, even, source::next},
        {{source::next, source::ring}, 4, even, source::next},  // the fourth was served since nothing was in the ring
        // Ring and spawned ones take turns.
        {{source::ring, source::spawned}, 0, even, source::ring},
        {{source::ring, source::spawned}, 0, odd, source::spawned},
    };
    for (auto const& row : table) {
        CAPTURE(row.what.bits());
        CAPTURE(row.nexts);
        CAPTURE(row.at);
        CHECK(after_next(row.nexts).choose(row.at, row.what) == row.served);
    }
}

TEST_CASE("service_order: a streak ends with the ring, and with a spawned task, not with an own one") {
    auto const goes_on = [](source s) {
        auto order = after_next(3);
        order.took(s);
        return order.choose(even, waiting{source::next, source::ring}) == source::ring;
    };
    CHECK_FALSE(goes_on(source::ring));
    CHECK_FALSE(goes_on(source::spawned));
    CHECK(goes_on(source::own));
}

TEST_CASE("service_order: a look is due every 61 picks; half-way the ring is, once") {
    picks p;
    waiting const spawning_and_joining{source::next, source::ring};
    std::vector<tick> looks, rings;
    while (looks.size() < 4) {
        auto const before = p.now;
        auto const s = p.pick(p.now % 2 == 0 ? waiting{source::ring, source::spawned} : spawning_and_joining);
        if (!s) looks.push_back(before);
        else if (s == source::ring) rings.push_back(p.now);
    }
    for (std::size_t i = 1; i < looks.size(); ++i) CHECK(looks[i] - looks[i - 1] == service_order::picks_between_looks + 1);
    CHECK(rings.size() == looks.size());
}

TEST_CASE("service_order: after hurry() the next pick is due, and no other until its time") {
    service_order order;
    order.looked(10);
    CHECK_FALSE(order.is_due(11));
    order.hurry();
    REQUIRE(order.is_due(11));
    CHECK_FALSE(order.attend(11));
    CHECK_FALSE(order.is_due(12));
    auto const ring_due = 10 + service_order::picks_until_ring_is_due, look_due = 10 + service_order::picks_between_looks;
    CHECK_FALSE(order.is_due(ring_due - 1));
    REQUIRE(order.is_due(ring_due));
    CHECK_FALSE(order.attend(ring_due));
    CHECK(order.choose(ring_due, waiting{source::next, source::ring}) == source::ring);
    CHECK_FALSE(order.is_due(look_due - 1));
    REQUIRE(order.is_due(look_due));
    CHECK(order.attend(look_due));
}

TEST_CASE("service_order: an own task waits for at most one other") { CHECK(most_served_before(source::own) == 1); }

TEST_CASE("service_order: the partner in the next-slot waits for at most five others") {
    CHECK(most_served_before(source::next) == 5);
}

TEST_CASE("service_order: the first in the ring waits for at most sixty others") {
    CHECK(most_served_before(source::ring) == 60);
}

TEST_CASE("service_order: by itself the order would leave a spawned task waiting for ever: spawn_turn moves it") {
    CHECK(most_served_before(source::spawned) == for_ever);
}

namespace {

// A worker whose queues hold numbers: what it does at a look is what worker::look_around() does with them.
class little_worker {
  public:
    static constexpr int guest = 1000, of_pair = -1;

    bool pair = false;  // two tasks wake each other through the next-slot for ever
    std::deque<int> own, ring, deque, injected;

    explicit little_worker(int yielders) {
        for (int i = 0; i < yielders; ++i) ring.push_back(i);
    }
    // How many picks until the guest is taken.
    int serve_guest() {
        constexpr int patience = 1'000'000;
        int n = 1;
        while (pick() != guest && n < patience) ++n;
        return n;
    }

  private:
    std::optional<int> pick() {
        waiting what{pair ? source::next : source::nothing, own.empty() ? source::nothing : source::own,
                     ring.empty() ? source::nothing : source::ring, deque.empty() ? source::nothing : source::spawned};
        auto const s = worker_.pick(what);
        if (!s) return look(), std::nullopt;
        switch (*s) {
            case source::own: return first_of(own);
            case source::next: return of_pair;
            case source::spawned: ++served_; return first_of(deque);
            case source::nothing: return std::nullopt;
            case source::ring: break;
        }
        int const t = first_of(ring);
        if (t != guest) ring.push_back(t);  // it yields for ever
        return t;
    }
    void look() {
        if (!injected.empty()) ring.push_back(first_of(injected));
        for (auto n = turn_.look({{}, served_, taken_, deque.size()}); n > 0; --n, ++taken_) ring.push_back(first_of(deque));
    }
    static int first_of(std::deque<int>& queue) {
        int const t = queue.front();
        queue.pop_front();
        return t;
    }

    picks worker_;
    ramie::detail::spawn_turn turn_;
    std::uint64_t served_ = 0;
    std::int64_t taken_ = 0;
};

// Whatever the others are: none, or as many as a ring holds, and a pair or none.
void check_bounds(std::deque<int> little_worker::*queue, int looks, int turns_of_others) {
    constexpr int between_looks = static_cast<int>(service_order::picks_between_looks) + 1;
    for (int const yielders : {0, 1, 2, 255, 1023}) {
        for (bool const pair : {false, true}) {
            CAPTURE(yielders);
            CAPTURE(pair);
            little_worker w(yielders);
            w.pair = pair;
            (w.*queue).push_back(little_worker::guest);
            // Of four picks at the most one is the ring's, and of 62 one looks around.
            int const picks_in_ring = turns_of_others * (4 * (yielders + 1)) * (between_looks + 1) / between_looks;
            CHECK(w.serve_guest() <= looks * between_looks + picks_in_ring + 4);
        }
    }
}

}  // namespace

TEST_CASE("service_order: beside a pair and any number that yield, an own task starts within two picks and a look") {
    for (int const yielders : {0, 1, 1023}) {
        for (bool const pair : {false, true}) {
            little_worker w(yielders);
            w.pair = pair;
            w.own.push_back(little_worker::guest);
            CHECK(w.serve_guest() <= 3);
        }
    }
}

TEST_CASE("service_order: beside them, a woken task runs when each that was before it had a turn") {
    check_bounds(&little_worker::ring, 0, 1);
}

TEST_CASE("service_order: beside them, an injected task does so after a look") {
    check_bounds(&little_worker::injected, 1, 1);
}

TEST_CASE("service_order: beside them, a spawned task does so after two looks") {
    check_bounds(&little_worker::deque, 2, 1);
}

TEST_CASE("service_order: a hundred spawned tasks beside a pair are all taken within some hundred picks") {
    little_worker w(0);
    w.pair = true;
    w.deque.assign(99, 0);
    w.deque.push_back(little_worker::guest);
    CHECK(w.serve_guest() <= 1000);
}
