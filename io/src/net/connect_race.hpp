// Connecting to one of several addresses (RFC 8305, "happy eyeballs"): the next one is tried when one fails, or has not
// answered for a while; the first connection is taken, and the other attempts are given up. The addresses may become
// known one by one: the first is tried when it is known.
#pragma once

#include "net/connect_attempt.hpp"
#include "net/name_questions.hpp"

#include <expected>
#include <span>
#include <system_error>
#include <vector>

namespace ramie::detail {

// The error is the first address's. Suspension point.
std::expected<owned_descriptor, std::error_code> connect_race(std::span<endpoint const> to,
                                                              connect_options const& options, interest_set& watch);

// The host's, as they become known. If there is none: why (name_questions.hpp). Suspension point.
std::expected<owned_descriptor, std::error_code> connect_race(name_questions& names, connect_options const& options,
                                                              interest_set& watch);

// The two families in turn, beginning with the first's; within each the order stays.
std::vector<endpoint> interleaved(std::span<endpoint const> addresses);

}  // namespace ramie::detail
