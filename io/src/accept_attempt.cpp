#include "accept_attempt.hpp"

#include "interest_set.hpp"
#include "operation.hpp"
#include "socket_call.hpp"

#include <cerrno>

namespace ramie::detail {

namespace {

// A connection that died in the queue says nothing about the next one. Linux hands over its pending network errors too,
// and EPERM from a firewall.
bool is_about_the_peer(int error) noexcept {
    switch (error) {
        case ECONNABORTED:
        case EPERM:
        case EPROTO:
        case ENOPROTOOPT:
        case ETIMEDOUT:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET: return true;
        default: return false;
    }
}

}  // namespace

bool is_shortage(std::error_code const& error) noexcept {
    return error.category() == std::system_category() && (error.value() == EMFILE || error.value() == ENFILE ||
                                                          error.value() == ENOBUFS || error.value() == ENOMEM);
}

std::expected<owned_descriptor, std::error_code> accept_attempt(int listener, interest_set& home) {
    for (;;) {
        auto const answer = socket_call::accept(listener);
        if (answer >= 0) return home.add(unique_fd(answer));
        if (!is_about_the_peer(-answer)) return std::unexpected(error_of(answer));
    }
}

}  // namespace ramie::detail
