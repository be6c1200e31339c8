// stack_depot: stacks of all workers. A stack is one thread's at a time; its pages are returned only while no thread has it;
// a slab is unmapped only when none of its stacks is out, and its descriptors are not used after that; if the system refuses
// to unmap, the slab serves on. A slab of a model has two stacks; the first slab is wide, the others are close.
#include <model/atomic.hpp>
#include <model/explore.hpp>

#include "stack/stack_class.hpp"
#include "stack/stack_depot.hpp"
#include "stack/wide_slots.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace ramie::model;
using ramie::detail::guard_kind;
using ramie::detail::stack;
using ramie::detail::stack_depot;
using ramie::detail::stack_list;

namespace {

constexpr auto much_later = stack_depot::time_point::max() - std::chrono::hours(1);

struct state {
    stack_depot depot{0};

    // As a task does: its first frames, and its deepest.
    static void use(stack& s) {
        s.set_guard(guard_kind::canary);
        ++*reinterpret_cast<int*>(ramie::detail::end_of(s) - sizeof(word));
        ++*reinterpret_cast<int*>(s.bottom);
        (void)s.note_sp(s.bottom);
    }
    void take_and_put(unsigned wanted) {
        auto list = depot.take(wanted);
        require(list.count >= 1 && list.count <= wanted, "too few, or too many");
        for (auto* s = list.head; s != nullptr; s = s->next) use(*s);
        depot.put(list);
    }
    void trim() { (void)depot.trim(much_later, {}); }
    void all_is_back() {
        trim();
        ramie::stack_metrics m;
        depot.count(m);
        require(m.live == 0, "a stack is lost");
    }
};

// What is made once per process is made outside of a model.
[[maybe_unused]] auto const& first_use = (ramie::detail::page_bytes(), ramie::detail::wide_slots_here());

}  // namespace

TEST_CASE("model: stack_depot: a stack is one thread's, and all come back") {
    check({2, 1}, [] {
        auto s = std::make_shared<state>();
        thread([=] { s->take_and_put(2); });
        thread([=] { s->take_and_put(1); });
        finally([=] { s->all_is_back(); });
    });
}

TEST_CASE("model: stack_depot: pages are returned, and slabs unmapped, while others take and put") {
    check({2, 1}, [] {
        auto s = std::make_shared<state>();
        auto const out = s->depot.take(1);
        s->take_and_put(1);
        s->use(*out.head);
        thread([=] { s->depot.put(out); });
        thread([=] { s->take_and_put(2); });
        thread([=] { s->trim(); });
        finally([=] { s->all_is_back(); });
    });
}

TEST_CASE("model: stack_depot: one trims, another needs address space at once") {
    check({2, 1}, [] {
        auto s = std::make_shared<state>();
        s->take_and_put(2);
        thread([=] {
            s->depot.unmap_idle();
            s->take_and_put(1);
        });
        thread([=] { s->trim(); });
        finally([=] { s->all_is_back(); });
    });
}

TEST_CASE("model: stack_depot: a slab some of whose pages are being returned is not unmapped when its last stack comes back") {
    check({2, 0}, [] {
        auto s = std::make_shared<state>();
        auto const out = s->depot.take(1);
        s->take_and_put(1);
        s->use(*out.head);
        s->trim();  // from the next time on the other stack has not been called for
        thread([=] {
            s->depot.put(out);
            s->depot.unmap_idle();
        });
        thread([=] { s->trim(); });
        finally([=] { s->all_is_back(); });
    });
}
