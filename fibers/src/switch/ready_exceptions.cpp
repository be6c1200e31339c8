#include "switch/ready_exceptions.hpp"

#include <future>
#include <new>

namespace ramie::detail {

namespace {

// Thrown and caught, because std::make_exception_ptr ends the process without memory.
template <class E>
std::exception_ptr const* made(E const& e) {
    auto* const kept = new std::exception_ptr;  // never destroyed: tasks may fail while the process ends
    try {
        throw e;
    } catch (E const&) {
        *kept = std::current_exception();
    }
    return kept;
}

}  // namespace

std::exception_ptr const& no_memory() {
    static auto const* const ready = made(std::bad_alloc());
    return *ready;
}

std::exception_ptr const& broken_promise() {
    static auto const* const ready = made(std::future_error(std::future_errc::broken_promise));
    return *ready;
}

}  // namespace ramie::detail
