// What every server here allows its clients, in one place. A server that is copied without such limits belongs to
// whoever opens the most connections and says the least.
//
// RAMIE_SAMPLE_LIMITS changes them, for tests: "connections=2 idle_ms=100 header_ms=50 request_ms=200".
#pragma once

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <string>

// Limits: ramie::client_limits, or the same of the ports that know no Ramie. `answers_requests`: a server that says
// where a request begins and ends.
template <class Limits>
Limits sample_limits(bool answers_requests = false) {
    using namespace std::chrono_literals;
    Limits limits;
    limits.connections = 10'000;
    limits.idle = 60s;
    if (answers_requests) {
        limits.header = 10s;
        limits.request = 60s;
    }
    auto const* const changes = std::getenv("RAMIE_SAMPLE_LIMITS");
    std::istringstream list(changes != nullptr ? changes : "");
    for (std::string change; list >> change;) {
        auto const equals = change.find('=');
        auto const name = change.substr(0, equals);
        auto const value =
            std::strtol(change.c_str() + (equals == change.npos ? change.size() : equals + 1), nullptr, 10);
        std::chrono::milliseconds const time(value);
        if (name == "connections") limits.connections = static_cast<std::size_t>(value);
        if (name == "idle_ms") limits.idle = time;
        if (name == "header_ms" && answers_requests) limits.header = time;
        if (name == "request_ms" && answers_requests) limits.request = time;
    }
    return limits;
}
