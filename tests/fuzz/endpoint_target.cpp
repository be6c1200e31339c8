#include "target.hpp"

#include "net/look_up.hpp"
#include <ramie/endpoint.hpp>
#include <ramie/tls_config.hpp>
#include <ramie/unix_endpoint.hpp>
#if RAMIE_WITH_TLS
#include "tls/host.hpp"
#endif

#include <cstring>
#include <string>

namespace ramie::fuzz {

namespace {

void internet(std::string_view text) {
    if (auto const e = ramie::endpoint::parse(text)) {
        auto const again = ramie::endpoint::parse(to_string(*e));
        require(again && *again == *e, "an endpoint's text is another endpoint");
        auto const apart = ramie::endpoint::parse(e->address(), e->port());
        require(apart && *apart == *e, "its address and its port are another endpoint");
        auto const copy = ramie::endpoint::from(e->data(), e->size());
        require(copy && *copy == *e, "the system's form of it is another endpoint");
        require(e->with_port(7).port() == 7 && e->with_port(7).with_port(e->port()) == *e, "a port that does not stay");
    } else {
        require(e.error().category() == endpoint_category() && e.error() == std::errc::invalid_argument, "an error of another kind");
    }
    auto const address = ramie::endpoint::parse(text, 80);
    require(!address || address->port() == 80, "another port");
    require(!(address && detail::is_name(text)), "an address is taken for a name");
}

void unix_socket(std::string_view text) {
    for (auto const& e : {ramie::unix_endpoint::path(text), ramie::unix_endpoint::abstract(text)}) {
        if (!e) continue;
        require(e->name() == text && !e->is_unnamed(), "another name");
        auto const copy = ramie::unix_endpoint::from(e->data(), e->size());
        require(copy && *copy == *e, "the system's form of it is another endpoint");
        require(!to_string(*e).empty(), "no text");
    }
}

// What a system call filled in, whatever it is.
void filled_in(std::string_view bytes) {
    sockaddr_storage name{};
    auto const size = std::min(bytes.size(), sizeof name);
    std::memcpy(&name, bytes.data(), size);
    auto const* const any = reinterpret_cast<sockaddr const*>(&name);
    if (auto const e = ramie::endpoint::from(any, static_cast<socklen_t>(size))) {
        require(e->is_v4() || e->is_v6(), "neither");
        require(!to_string(*e).empty(), "no text");
    }
    if (auto const e = ramie::unix_endpoint::from(any, static_cast<socklen_t>(size))) {
        require(e->size() <= sizeof(sockaddr_un), "it is too large");
        (void)to_string(*e);
    }
}

void host([[maybe_unused]] std::string_view text) {
#if RAMIE_WITH_TLS
    auto const h = detail::tls_host::parse(text);
    if (!h) return;
    require(!h->text().empty() && h->text().find('\0') == std::string::npos, "a host without a name, or with an end in it");
    auto const again = detail::tls_host::parse(h->text());
    require(again && again->text() == h->text() && again->is_address() == h->is_address(), "a host's text is another host");
#endif
}

}  // namespace

void endpoint(std::string_view bytes) {
    internet(bytes);
    unix_socket(bytes);
    filled_in(bytes);
    host(bytes);
}

}  // namespace ramie::fuzz
