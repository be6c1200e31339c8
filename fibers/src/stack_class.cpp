#include "stack_class.hpp"

#include <stdexcept>
#include <string>

#include <unistd.h>

namespace ramie::detail {

namespace {

// Less than this is surely a mistake in units.
constexpr std::size_t smallest_request = 4096;

// None where pages are so large that the guard would take the whole slot.
std::size_t class_size(std::uint8_t size_class) noexcept {
    return slot_bytes(size_class) - std::min(slot_bytes(size_class), guard_and_stagger(size_class));
}

}  // namespace

std::size_t page_bytes() noexcept {
    static std::size_t const bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

std::size_t stack::size() const noexcept { return class_size(size_class); }

std::uint8_t stack_class_for(std::size_t usable_bytes) {
    if (usable_bytes >= smallest_request)
        for (std::uint8_t c = 0; c < stack_class_count; ++c)
            if (class_size(c) >= usable_bytes) return c;
    throw std::invalid_argument("stack_size is " + std::to_string(usable_bytes) + " bytes; accepted are " +
                                std::to_string(smallest_request) + " to " +
                                std::to_string(class_size(stack_class_count - 1)) + " bytes");
}

}  // namespace ramie::detail
