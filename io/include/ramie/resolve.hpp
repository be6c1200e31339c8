// From names to addresses.
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/endpoint.hpp>

#include <cstdint>
#include <expected>
#include <string_view>
#include <system_error>
#include <vector>

namespace ramie {

// Codes of getaddrinfo, EAI_NONAME and so on.
RAMIE_API std::error_category const& resolve_category() noexcept;

// The addresses of a host, in the system's order of preference, each with that port. Never empty on success. Errors are
// of resolve_category(), or the system's (a want of descriptors or memory is always that). A numeric address is taken as it is. For a name the system's resolver is
// asked, on a thread of the blocking pool, and the fiber waits. Suspension point; an abort or a timeout ends the wait
// at once. The C library's look-up cannot be ended: it goes on in the background, without a listener, and keeps a
// thread; but only threads that are for look-ups, and only a few of those that are for look-ups with a waiting caller
// (runtime_options::max_blocking_threads). From a plain thread: on that thread.
RAMIE_API std::expected<std::vector<endpoint>, std::error_code> resolve(std::string_view host, std::uint16_t port);

}  // namespace ramie
