// From names to addresses.
#pragma once

#include <ramie/endpoint.hpp>

#include <cstdint>
#include <expected>
#include <string_view>
#include <system_error>
#include <vector>

namespace ramie {

// Codes of getaddrinfo, EAI_NONAME and so on.
std::error_category const& resolve_category() noexcept;

// The addresses of a host, in the system's order of preference, each with that port. Never empty on success. Errors are
// of resolve_category(), or the system's. A numeric address is taken as it is; for a name the system's resolver is
// asked, on a thread of the blocking pool, and the fiber waits. Suspension point; when it is aborted or its time runs
// out it returns at once. The C library's question cannot be ended: it goes on in the background, unheard, and keeps a
// thread, but only threads that are for look-ups, and few of those that are for look-ups somebody waits for
// (runtime_options::max_blocking_threads). From a plain thread: asks right there.
std::expected<std::vector<endpoint>, std::error_code> resolve(std::string_view host, std::uint16_t port);

}  // namespace ramie
