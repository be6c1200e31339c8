// What atomic.hpp asks for.
#include "run.hpp"
#include "weakening.hpp"

#include <cstdio>
#include <string>

namespace ramie::model {

namespace {

using kind = step::kind;

std::string place(site const& s) {
    std::string_view file = s.file_name();
    if (auto const slash = file.rfind('/'); slash != file.npos) file.remove_prefix(slash + 1);
    return std::string(file) + ":" + std::to_string(s.line());
}
std::string text(word w) {
    char digits[32];
    std::snprintf(digits, sizeof digits, w < 10 ? "%llu" : "0x%llx", static_cast<unsigned long long>(w));
    return digits;
}

// A step on an atomic, which must be there.
memory::location& touch(run& r, void const* object, word initial) {
    auto& l = r.mem().at(object, initial);
    auto& t = r.self();
    if (l.has_ended) r.fail("an atomic is used after its end");
    for (unsigned i = 0; i < most_threads; ++i)
        if (l.born[i] > t.current.clock[i]) r.fail("an atomic is used by a thread that its making does not happen before");
    l.used[t.number] = t.current.clock[t.number];
    return l;
}
std::string label(memory::location const& l) { return "a" + std::to_string(l.number); }

}  // namespace

void born(void const* object, word initial) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return;
    at_work const whole;
    r->mem().begin(object, initial, r->self());
}

void ended(void const* object) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return;
    at_work const whole;
    auto* const l = r->mem().known(object);
    if (l == nullptr) return;
    if (l->has_ended) r->fail("an atomic ends twice");
    auto& t = r->self();
    for (unsigned i = 0; i < most_threads; ++i)
        if (l->used[i] > t.current.clock[i])
            r->fail("an atomic (" + label(*l) + ") ends, and thread " + std::to_string(i) + "'s last step on it does not happen before that");
    l->has_ended = true;
}

word load(void const* object, word initial, order o, site const& s) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return initial;
    o = weakened(o, s, part::load);
    r->before({kind::load, o == order::seq_cst, object, s});
    at_work const whole;
    auto& l = touch(*r, object, initial);
    auto const newest = static_cast<std::uint32_t>(l.history.size() - 1);
    auto const oldest = r->mem().oldest_for(r->self(), l, o == order::seq_cst);
    auto const back = r->choose_store(newest - oldest + 1);
    auto const value = r->mem().read(r->self(), l, newest - back, o);
    r->after();
    if (r->tells())
        r->tell(place(s) + "  load " + label(l) + " = " + text(value) + " (" + name(o) + ")" +
                (back > 0 ? ", not the newest, which is " + text(l.newest()) : ""));
    return value;
}

void store(void const* object, word initial, word value, order o, site const& s) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return;
    o = weakened(o, s, part::store);
    r->before({kind::store, o == order::seq_cst, object, s});
    at_work const whole;
    auto& l = touch(*r, object, initial);
    r->mem().write(r->self(), l, value, o, nullptr);
    r->after();
    if (r->tells()) r->tell(place(s) + "  store " + label(l) + " = " + text(value) + " (" + name(o) + ")");
}

word modify(void const* object, word initial, change const& c, order o, site const& s) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return initial;
    o = weakened(o, s, part::modify);
    r->before({kind::modify, o == order::seq_cst, object, s});
    at_work const whole;
    auto& l = touch(*r, object, initial);
    auto const newest = static_cast<std::uint32_t>(l.history.size() - 1);
    auto const before = r->mem().read(r->self(), l, newest, o);
    auto const after = c.made(before, c.operand);
    auto const read = l.history.back();
    r->mem().write(r->self(), l, after, o, &read);
    r->after();
    if (r->tells()) r->tell(place(s) + "  modify " + label(l) + ": " + text(before) + " -> " + text(after) + " (" + name(o) + ")");
    return before;
}

bool replace(void const* object, word initial, word& expected, word desired, order success, order failure, site const& s) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return false;
    success = weakened(success, s, part::modify);
    failure = weakened(failure, s, part::load);
    r->before({kind::modify, success == order::seq_cst, object, s});
    at_work const whole;
    auto& l = touch(*r, object, initial);
    auto const newest = static_cast<std::uint32_t>(l.history.size() - 1);
    // As a load, it may fail on an old value; to succeed it must have read the newest.
    auto const oldest = r->mem().oldest_for(r->self(), l, failure == order::seq_cst);
    std::vector<std::uint32_t> readable{newest};
    for (auto i = newest; i-- > oldest;)
        if (l.history[i].value != expected) readable.push_back(i);
    auto const which = readable[r->choose_store(static_cast<unsigned>(readable.size()))];
    auto const seen = l.history[which].value;
    bool const done = which == newest && seen == expected;
    (void)r->mem().read(r->self(), l, which, done ? success : failure);
    if (done) {
        auto const read = l.history.back();
        r->mem().write(r->self(), l, desired, success, &read);
    }
    r->after();
    if (r->tells())
        r->tell(place(s) + "  replace " + label(l) + ": " + (done ? text(seen) + " -> " + text(desired) + " (" + name(success) + ")"
                                                                  : "is " + text(seen) + ", not " + text(expected) + " (" + name(failure) + ")"));
    expected = seen;
    return done;
}

void thread_fence(order o, site s) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return;
    o = weakened(o, s, part::fence);
    if (o == order::relaxed) return;
    r->before({kind::fence, o == order::seq_cst, nullptr, s});
    at_work const whole;
    r->mem().fence(r->self(), o);
    r->after();
    if (r->tells()) r->tell(place(s) + "  fence (" + name(o) + ")");
}

void heavy_fence(site s) noexcept {
    auto* const r = run::current();
    if (r == nullptr) return;
    if (weakened(order::seq_cst, s, part::fence) == order::relaxed) return;
    r->before({kind::barrier, true, nullptr, s});
    at_work const whole;
    r->fence_everywhere();
    r->after();
    if (r->tells()) r->tell(place(s) + "  fence in all threads");
}

void wait_for_a_change() noexcept {
    auto* const r = run::current();
    if (r == nullptr) return;
    r->self().next = {kind::wait_for_change, false, nullptr, site::current()};
    r->stop(model_thread::doing::spins);
}

void thread(std::function<void()> body) {
    at_work const whole;
    run::here().add_thread(std::move(body));
}
void finally(std::function<void()> body) {
    at_work const whole;
    run::here().at_the_end(std::move(body));
}
void require(bool holds, char const* what) {
    if (!holds) run::here().fail(what);
}
void threads_may_be_refused() { run::here().refuses_threads = true; }
void limits_do_not_pass() { run::here().has_no_limits = true; }
unsigned choose(unsigned n) {
    at_work const whole;
    return run::here().choose(n);
}

}  // namespace ramie::model
