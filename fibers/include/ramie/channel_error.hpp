// Why a channel of any kind gave or took no value.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/error.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace ramie {

namespace detail {

template <class T>
concept not_a_value = !std::is_object_v<T>;

// Stands for a channel of void or of references: gives one line that says why there is none, and ends that can be
// named.
template <class T>
std::pair<int, int> no_channel_of() {
    static_assert(!not_a_value<T>,
                  "ramie: a channel carries values, not void or references; for a signal without a value there is "
                  "notify");
    return {};
}

[[noreturn]] RAMIE_API void refuse_capacity(char const* of);  // of 0

}  // namespace detail

enum class channel_error : std::uint8_t {
    closed,    // sending: there is no receiver. Receiving: there is no sender, and all was received
    full,      // try_send, try_reserve
    empty,     // try_receive
    timed_out  // send_for, receive_for and the like
};

}  // namespace ramie
