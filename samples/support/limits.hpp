// What every server here allows its clients, in one place. A server that is copied without such limits belongs to
// whoever opens the most connections and says the least.
//
// RAMIE_SAMPLE_LIMITS changes them, for tests: "connections=2 idle_ms=100 header_ms=50 request_ms=200 handshake_ms=50".
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

// What RAMIE_SAMPLE_LIMITS says of that limit; if nothing, `usual`.
inline long sample_limit(std::string_view name, long usual) {
    auto const* const changes = std::getenv("RAMIE_SAMPLE_LIMITS");
    std::istringstream list(changes != nullptr ? changes : "");
    for (std::string change; list >> change;)
        if (auto const equals = change.find('='); equals != change.npos && change.substr(0, equals) == name)
            usual = std::strtol(change.c_str() + equals + 1, nullptr, 10);
    return usual;
}
inline std::chrono::milliseconds sample_limit(std::string_view name, std::chrono::milliseconds usual) {
    return std::chrono::milliseconds(sample_limit(name, static_cast<long>(usual.count())));
}

// Limits: ramie::client_limits, or the same of the ports that know no Ramie. `answers_requests`: a server that says
// where a request begins and ends.
template <class Limits>
Limits sample_limits(bool answers_requests = false) {
    using namespace std::chrono_literals;
    Limits limits;
    limits.connections = static_cast<std::size_t>(sample_limit("connections", 10'000));
    limits.idle = sample_limit("idle_ms", 60s);
    if (answers_requests) {
        limits.header = sample_limit("header_ms", 10s);
        limits.request = sample_limit("request_ms", 60s);
    }
    return limits;
}

// For servers that shake hands: how long that may take.
inline std::chrono::milliseconds sample_handshake_limit() {
    return sample_limit("handshake_ms", std::chrono::seconds(10));
}
