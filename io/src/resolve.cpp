#include <ramie/resolve.hpp>

#include <ramie/spawn_blocking.hpp>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include <netdb.h>

namespace ramie {

namespace {

using addresses = std::expected<std::vector<endpoint>, std::error_code>;

std::unexpected<std::error_code> fail(int code) {
    return std::unexpected(std::error_code(code, resolve_category()));
}

// Blocks the thread.
addresses ask_system(std::string const& host, std::uint16_t port) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;  // else every address comes once for each kind of socket
    addrinfo* found = nullptr;
    if (auto const code = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found); code != 0) {
        if (code == EAI_SYSTEM) return std::unexpected(std::error_code(errno, std::system_category()));
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

}  // namespace

std::error_category const& resolve_category() noexcept {
    static class final : public std::error_category {
        char const* name() const noexcept override { return "ramie.resolve"; }
        std::string message(int value) const override { return ::gai_strerror(value); }
    } const category;
    return category;
}

addresses resolve(std::string_view host, std::uint16_t port) {
    auto& self = detail::waiter::enter();
    if (auto const numeric = endpoint::parse(host, port)) return std::vector{*numeric};
    if (host.empty() || host.find('\0') != host.npos) return fail(EAI_NONAME);
    if (!self.is_fiber()) return ask_system(std::string(host), port);

    // The job owns all it needs, so it may outlive us.
    auto job = spawn_blocking([host = std::string(host), port] { return ask_system(host, port); });
    auto answer = job.join();
    if (answer) return std::move(*answer);
    if (answer.error().is_exception()) answer.error().rethrow();
    return std::unexpected(std::make_error_code(std::errc::operation_canceled));  // the runtime is shutting down
}

}  // namespace ramie
