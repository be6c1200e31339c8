#include "tls/host.hpp"

#include <ramie/endpoint.hpp>

#include <openssl/x509v3.h>

#include <algorithm>

#include <arpa/inet.h>

namespace ramie::detail {

namespace {

constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_label = 63;

// For the certificates that a client believes and for those that a server shows.
constexpr unsigned rules = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// The underscore is not allowed in host names, but many have it.
bool is_of_a_name(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

bool is_label(std::string_view text) noexcept {
    return !text.empty() && text.size() <= longest_label && std::ranges::all_of(text, is_of_a_name);
}

bool is_name(std::string_view text) noexcept {
    if (text.size() > longest_name) return false;
    for (auto dot = text.find('.'); dot != text.npos; dot = text.find('.')) {
        if (!is_label(text.substr(0, dot))) return false;
        text.remove_prefix(dot + 1);
    }
    return is_label(text) && !std::ranges::all_of(text, is_digit);
}

// Accepts every form that libc's inet_aton reads; inet_aton itself would stop at a space and ignore the rest.
std::optional<std::string> as_v4_address(std::string const& text) {
    in_addr address{};
    bool const readable = std::ranges::all_of(text, [](char c) { return c == '.' || is_of_a_name(c); });
    if (!readable || ::inet_aton(text.c_str(), &address) == 0) return {};
    char written[INET_ADDRSTRLEN];
    return ::inet_ntop(AF_INET, &address, written, sizeof written);
}

// Any zone is accepted: the interface need not exist on this machine, since the connection is made already.
std::optional<std::string> as_v6_address(std::string_view text) {
    if (text.ends_with('%')) return {};
    auto const address = text.substr(0, text.find('%'));
    if (address.find(':') == address.npos || !endpoint::parse(address, 0)) return {};
    return std::string(address);
}

}  // namespace

std::optional<tls_host> tls_host::parse(std::string_view text) {
    if (auto address = as_v6_address(text)) return tls_host(std::move(*address), true);
    if (text.ends_with('.')) text.remove_suffix(1);
    std::string name(text);
    if (auto address = as_v4_address(name)) return tls_host(std::move(*address), true);
    if (!is_name(name)) return {};
    return tls_host(std::move(name), false);
}

bool tls_host::demand_of(SSL* client) const {
    auto* const wanted = ::SSL_get0_param(client);
    ::X509_VERIFY_PARAM_set_hostflags(wanted, rules);
    if (is_address_) return ::X509_VERIFY_PARAM_set1_ip_asc(wanted, text_.c_str()) == 1;
    return ::X509_VERIFY_PARAM_set1_host(wanted, text_.c_str(), text_.size()) == 1;
}

bool tls_host::is_named_by(X509* certificate) const {
    if (is_address_) return ::X509_check_ip_asc(certificate, text_.c_str(), rules) == 1;
    return ::X509_check_host(certificate, text_.c_str(), text_.size(), rules, nullptr) == 1;
}

}  // namespace ramie::detail
