// Connecting to one of several addresses (RFC 8305, "happy eyeballs"): the next address is tried when an attempt fails,
// or has had no answer for a while; the first connection is taken, and the other attempts are given up. The addresses
// may become known one by one: the first attempt begins with the first address.
#pragma once

#include "net/connect_attempt.hpp"
#include "net/name_questions.hpp"

#include <expected>
#include <span>
#include <system_error>
#include <vector>

namespace ramie::detail {

// The error is that of the first address. Suspension point.
std::expected<owned_descriptor, std::error_code> connect_race(std::span<endpoint const> to,
                                                              connect_options const& options, interest_set& watch);

// Connects to the host's addresses as they become known. If there are none, the error says why (name_questions.hpp).
// Suspension point.
std::expected<owned_descriptor, std::error_code> connect_race(name_questions& names, connect_options const& options,
                                                              interest_set& watch);

// The two families in turn, beginning with the first address's family; within each family the order stays.
std::vector<endpoint> interleaved(std::span<endpoint const> addresses);

}  // namespace ramie::detail
