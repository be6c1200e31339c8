// Looking up a host's addresses: a call of the C library that waits for servers as long as the system's settings say,
// and that cannot be interrupted.
#pragma once

#include <ramie/endpoint.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace ramie::detail {

using found_addresses = std::expected<std::vector<endpoint>, std::error_code>;

// Whether there is anything to look up: not if `host` is an address already, or cannot be a name.
bool is_name(std::string_view host);

// The addresses of one family, or of both (AF_UNSPEC), each with that port. Blocks the thread.
found_addresses look_up(std::string const& host, std::uint16_t port, int family);

}  // namespace ramie::detail
