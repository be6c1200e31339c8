// Name look-ups: libc makes its own system calls for them, and no hook can make those wait in another way. So they run
// on the blocking pool.
#include "call/ask_on_pool.hpp"
#include "libc/libc_calls.hpp"
#include "offload/answer_on_pool.hpp"
#include "posix/blocking_call.hpp"

#include <ramie/detail/worker/stay.hpp>
#include <ramie/posix.hpp>

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <arpa/inet.h>

namespace ramie {

using detail::answer_on_pool;
using detail::ask_on_pool;
using detail::blocking_share;
using detail::calling_fiber;
using detail::libc;

namespace {

struct found_names {
    int code = 0;
    int error = 0;  // errno, with EAI_SYSTEM
    std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list{nullptr, &::freeaddrinfo};
};

std::optional<std::string> copy_of(char const* text) {
    if (text == nullptr) return std::nullopt;
    return std::string(text);
}

bool is_numeric(char const* host) noexcept {
    unsigned char address[sizeof(in6_addr)];
    return host == nullptr || ::inet_pton(AF_INET, host, address) == 1 || ::inet_pton(AF_INET6, host, address) == 1;
}

std::expected<found_names, join_error> look_up(char const* host, char const* service, addrinfo const* hints) {
    std::optional<addrinfo> wanted;
    if (hints != nullptr) wanted = *hints;
    return ask_on_pool<blocking_share::names>([host = copy_of(host), service = copy_of(service), wanted] {
        found_names found;
        addrinfo* list = nullptr;
        found.code = libc().getaddrinfo(host ? host->c_str() : nullptr, service ? service->c_str() : nullptr,
                                        wanted ? &*wanted : nullptr, &list);
        found.error = errno;
        if (found.code == 0) found.list.reset(list);
        return found;
    });
}

}  // namespace

int posix::getaddrinfo(char const* host, char const* service, addrinfo const* hints, addrinfo** found) {
    auto* const self = calling_fiber();
    if (self == nullptr || is_numeric(host)) return libc().getaddrinfo(host, service, hints, found);
    if (!detail::may_go_on(*self, "getaddrinfo")) return EAI_SYSTEM;
    detail::stay const here(*self);
    try {
        auto answer = look_up(host, service, hints);
        if (answer) {
            errno = answer->error;
            if (answer->code == 0) *found = answer->list.release();
            return answer->code;
        }
        errno = ECANCELED;  // the runtime is shutting down
    } catch (aborted const&) { errno = ECANCELED; } catch (deadline_passed const&) {
        errno = ETIMEDOUT;
    } catch (std::bad_alloc const&) { return EAI_MEMORY; } catch (std::system_error const& e) {  // no thread
        errno = e.code().value();
    }
    return EAI_SYSTEM;
}

int posix::getnameinfo(sockaddr const* address, socklen_t size, char* host, socklen_t host_size, char* service,
                       socklen_t service_size, int flags) {
    auto* const self = calling_fiber();
    auto const call = [=] { return libc().getnameinfo(address, size, host, host_size, service, service_size, flags); };
    if (self == nullptr || host == nullptr || (flags & NI_NUMERICHOST) != 0) return call();
    return answer_on_pool(*self, call);
}

hostent* posix::gethostbyname(char const* host) {
    auto* const self = calling_fiber();
    if (self == nullptr || is_numeric(host)) return libc().gethostbyname(host);
    return answer_on_pool(*self, [=] { return libc().gethostbyname(host); });
}

hostent* posix::gethostbyname2(char const* host, int family) {
    auto* const self = calling_fiber();
    if (self == nullptr || is_numeric(host)) return libc().gethostbyname2(host, family);
    return answer_on_pool(*self, [=] { return libc().gethostbyname2(host, family); });
}

int posix::gethostbyname_r(char const* host, hostent* into, char* buffer, std::size_t size, hostent** found,
                           int* error) {
    auto* const self = calling_fiber();
    auto const call = [=] { return libc().gethostbyname_r(host, into, buffer, size, found, error); };
    return self == nullptr || is_numeric(host) ? call() : answer_on_pool(*self, call);
}

int posix::gethostbyname2_r(char const* host, int family, hostent* into, char* buffer, std::size_t size,
                            hostent** found, int* error) {
    auto* const self = calling_fiber();
    auto const call = [=] { return libc().gethostbyname2_r(host, family, into, buffer, size, found, error); };
    return self == nullptr || is_numeric(host) ? call() : answer_on_pool(*self, call);
}

}  // namespace ramie
