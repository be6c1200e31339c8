#include <ramie/resolve.hpp>

#include "call/ask_on_pool.hpp"
#include "net/look_up.hpp"
#include "simulated/look_up.hpp"

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <netdb.h>

namespace ramie {

namespace {

std::unexpected<std::error_code> fail(int code) {
    return std::unexpected(std::error_code(code, resolve_category()));
}

// glibc takes a file or server that it could not ask, for want of a descriptor or of memory, for one that knows no such name. A server
// would keep that in mind for longer than the want lasts.
bool is_want(int error) noexcept { return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS; }

}  // namespace

bool detail::is_name(std::string_view host) {
    return !host.empty() && host.find('\0') == host.npos && !endpoint::parse(host, 0);
}

detail::found_addresses detail::look_up(std::string const& host, std::uint16_t port, int family) {
    if (auto found = look_up_simulated(host, port, family)) return *std::move(found);
    addrinfo wanted{};
    wanted.ai_family = family;
    wanted.ai_socktype = SOCK_STREAM;  // else each address comes once for each kind of socket
    addrinfo* found = nullptr;
    errno = 0;
    if (auto const code = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found); code != 0) {
        if (code == EAI_SYSTEM || is_want(errno)) return std::unexpected(std::error_code(errno, std::system_category()));
        return fail(code);
    }
    std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const all(found, &::freeaddrinfo);
    std::vector<endpoint> result;
    for (auto const* each = found; each != nullptr; each = each->ai_next) {
        if (auto const e = endpoint::from(each->ai_addr, each->ai_addrlen)) result.push_back(e->with_port(port));
    }
    if (result.empty()) return fail(EAI_NONAME);
    return result;
}

std::error_category const& resolve_category() noexcept {
    static class final : public std::error_category {
        char const* name() const noexcept override { return "ramie.resolve"; }
        std::string message(int value) const override { return ::gai_strerror(value); }
    } const category;
    return category;
}

std::expected<std::vector<endpoint>, std::error_code> resolve(std::string_view host, std::uint16_t port) {
    auto& self = detail::waiter::enter();
    if (auto const numeric = endpoint::parse(host, port)) return std::vector{*numeric};
    if (!detail::is_name(host)) return fail(EAI_NONAME);
    if (!self.is_fiber()) return detail::look_up(std::string(host), port, AF_UNSPEC);
    try {
        auto answer = detail::ask_on_pool<detail::blocking_share::names>(
            [host = std::string(host), port] { return detail::look_up(host, port, AF_UNSPEC); });
        if (answer) return std::move(*answer);
        if (answer.error().is_exception()) answer.error().rethrow();
    } catch (std::system_error const& no_thread) { return std::unexpected(no_thread.code()); }
    return std::unexpected(std::make_error_code(std::errc::operation_canceled));  // the runtime is shutting down
}

}  // namespace ramie
