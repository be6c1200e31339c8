// Stands in for std::atomic in the model build (ramie/detail/fence/atomic.hpp). Each operation is a step of the checker.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

namespace ramie::model {

using order = std::memory_order;
using site = std::source_location;
using word = std::uint64_t;  // any atomic's value

// What an operation does to the newest value; null: nothing is stored.
struct change {
    word (*made)(word before, word operand) = nullptr;
    word operand = 0;
};

// memory.cpp. `initial`: the value it has when the run first meets it.
void born(void const* object, word initial) noexcept;
void ended(void const* object) noexcept;
word load(void const* object, word initial, order, site const&) noexcept;
void store(void const* object, word initial, word value, order, site const&) noexcept;
word modify(void const* object, word initial, change const&, order, site const&) noexcept;
// True: `expected` was there, and is replaced. Else it is what was there.
bool replace(void const* object, word initial, word& expected, word desired, order success, order failure, site const&) noexcept;

void thread_fence(order, site = site::current()) noexcept;
inline void compiler_fence() noexcept {}
// membarrier(2).
void heavy_fence(site = site::current()) noexcept;
// For a thread that looks at something again and again.
void wait_for_a_change() noexcept;

constexpr order without_release(order o) noexcept {
    return o == order::acq_rel ? order::acquire : o == order::release ? order::relaxed : o;
}

template <class T>
class atomic {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(word));

  public:
    using value_type = T;
    constexpr atomic() noexcept : atomic(T{}) {}
    constexpr atomic(T v) noexcept : initial_(v) {
        if (!std::is_constant_evaluated()) born(this, to_word(v));
    }
    atomic(atomic const&) = delete;
    atomic& operator=(atomic const&) = delete;
    constexpr ~atomic() {
        if (!std::is_constant_evaluated()) ended(this);
    }

    T load(order o = order::seq_cst, site s = site::current()) const noexcept { return of_word(model::load(this, initial(), o, s)); }
    void store(T v, order o = order::seq_cst, site s = site::current()) noexcept { model::store(this, initial(), to_word(v), o, s); }
    T exchange(T v, order o = order::seq_cst, site s = site::current()) noexcept {
        return of_word(modify(this, initial(), {[](word, word operand) { return operand; }, to_word(v)}, o, s));
    }
    bool compare_exchange_strong(T& expected, T desired, order success, order failure, site s = site::current()) noexcept {
        auto was = to_word(expected);
        bool const done = replace(this, initial(), was, to_word(desired), success, failure, s);
        if (!done) expected = of_word(was);
        return done;
    }
    bool compare_exchange_strong(T& expected, T desired, order o = order::seq_cst, site s = site::current()) noexcept {
        return compare_exchange_strong(expected, desired, o, without_release(o), s);
    }
    bool compare_exchange_weak(T& expected, T desired, order success, order failure, site s = site::current()) noexcept {
        return compare_exchange_strong(expected, desired, success, failure, s);
    }
    bool compare_exchange_weak(T& expected, T desired, order o = order::seq_cst, site s = site::current()) noexcept {
        return compare_exchange_strong(expected, desired, o, without_release(o), s);
    }
    T fetch_add(auto n, order o = order::seq_cst, site s = site::current()) noexcept {
        return of_word(modify(this, initial(), {&add, static_cast<word>(n)}, o, s));
    }
    T fetch_sub(auto n, order o = order::seq_cst, site s = site::current()) noexcept {
        return of_word(modify(this, initial(), {&add, static_cast<word>(-static_cast<std::int64_t>(n))}, o, s));
    }
    T fetch_or(T v, order o = order::seq_cst, site s = site::current()) noexcept {
        return of_word(modify(this, initial(), {[](word a, word b) { return a | b; }, to_word(v)}, o, s));
    }
    T fetch_and(T v, order o = order::seq_cst, site s = site::current()) noexcept {
        return of_word(modify(this, initial(), {[](word a, word b) { return a & b; }, to_word(v)}, o, s));
    }
    T operator=(T v) noexcept {
        store(v);
        return v;
    }
    operator T() const noexcept { return load(); }
    T operator++() noexcept { return fetch_add(1) + 1; }
    T operator--() noexcept { return fetch_sub(1) - 1; }
    T operator++(int) noexcept { return fetch_add(1); }
    T operator--(int) noexcept { return fetch_sub(1); }

  private:
    static word to_word(T v) noexcept {
        word w = 0;
        std::memcpy(&w, &v, sizeof v);
        return w;
    }
    static T of_word(word w) noexcept {
        T v;
        std::memcpy(&v, &w, sizeof v);
        return v;
    }
    // Wraps as T does.
    static word add(word a, word b) noexcept {
        if constexpr (std::is_pointer_v<T>) return a + b * sizeof(std::remove_pointer_t<T>);
        else return to_word(static_cast<T>(static_cast<word>(of_word(a)) + b));
    }
    word initial() const noexcept { return to_word(initial_); }

    T initial_;  // what happens to it in a run is the checker's to know
};

class atomic_flag {
  public:
    constexpr atomic_flag() noexcept = default;
    bool test_and_set(order o = order::seq_cst, site s = site::current()) noexcept { return set_.exchange(true, o, s); }
    void clear(order o = order::seq_cst, site s = site::current()) noexcept { set_.store(false, o, s); }
    bool test(order o = order::seq_cst, site s = site::current()) const noexcept { return set_.load(o, s); }

  private:
    atomic<bool> set_{false};
};

}  // namespace ramie::model
