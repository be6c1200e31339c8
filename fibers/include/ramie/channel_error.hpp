// Why a channel of any kind gave or took nothing.
#pragma once

#include <cstdint>

namespace ramie {

enum class channel_error : std::uint8_t {
    closed,    // sending: nobody can receive. Receiving: nobody can send any more, and all was received
    full,      // try_send, try_reserve
    empty,     // try_receive
    timed_out  // send_for, receive_for and the like
};

}  // namespace ramie
