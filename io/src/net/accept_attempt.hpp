// One attempt to accept, for accept() and for a select.
#pragma once

#include <ramie/detail/ready/owned_descriptor.hpp>

#include <expected>
#include <system_error>

namespace ramie::detail {

class interest_set;

// The next connection, registered in `watcher`. errc::operation_would_block: there is none. Skips connections that failed
// in the queue.
std::expected<owned_descriptor, std::error_code> accept_attempt(int listener, interest_set& watcher);

// accept() of a listener: waits for the next connection, and sits out shortages. Suspension point.
std::expected<owned_descriptor, std::error_code> accept_next(owned_descriptor const& listener);

// The process, or the system, is short of descriptors, of places to watch them, or of memory: a later attempt may succeed.
bool is_shortage(std::error_code const& error) noexcept;

}  // namespace ramie::detail
