// The atomics of the library's own protocols: std's, unless the model checker (tests/model) puts its own in their
// place. In the checker's build each operation is a step that the checker orders.
#pragma once

#include <atomic>

#if defined(RAMIE_MODEL)
#include <model/atomic.hpp>
#endif

namespace ramie::detail {

#if defined(RAMIE_MODEL)

template <class T>
using atomic = model::atomic<T>;
using model::atomic_flag;
using model::compiler_fence;
using model::thread_fence;

// The size of a queue: in a model so small that the queue is soon full.
template <class N>
constexpr N usual_or_in_model(N, N in_model) noexcept {
    return in_model;
}

#else

template <class T>
using atomic = std::atomic<T>;
using std::atomic_flag;

inline void thread_fence(std::memory_order order) noexcept { std::atomic_thread_fence(order); }
// Keeps the compiler from moving accesses across; the processor may move them.
inline void compiler_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

template <class N>
constexpr N usual_or_in_model(N usual, N) noexcept {
    return usual;
}

#endif

}  // namespace ramie::detail
