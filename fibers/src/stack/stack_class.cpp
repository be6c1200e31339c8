#include "stack/stack_class.hpp"

#include <stdexcept>
#include <string>

#include <unistd.h>

namespace ramie::detail {

namespace {

// A smaller request is surely a mistake in units.
constexpr std::size_t smallest_request = 4096;

}  // namespace

std::size_t page_bytes() noexcept {
    static std::size_t const bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

std::size_t stack::size() const noexcept { return usable_bytes(size_class); }

std::uint8_t stack_class_for(std::size_t wanted) {
    if (wanted >= smallest_request)
        for (std::uint8_t c = 0; c < stack_class_count; ++c)
            if (usable_bytes(c) >= wanted) return c;
    throw std::invalid_argument("ramie: stack_size is " + std::to_string(wanted) + "; accepted are " +
                                std::to_string(smallest_request) + " to " +
                                std::to_string(usable_bytes(stack_class_count - 1)));
}

}  // namespace ramie::detail
