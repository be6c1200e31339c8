// The two directions of a socket.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <cstdint>

namespace ramie::detail {

enum class direction : std::uint8_t { read, write };

}  // namespace ramie::detail
