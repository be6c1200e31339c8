#include <ramie/unix_endpoint.hpp>

#include <algorithm>
#include <cstring>
#include <ostream>

namespace ramie {

namespace {

std::unexpected<std::error_code> fail(std::errc why) { return std::unexpected(std::make_error_code(why)); }

constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

std::expected<unix_endpoint, std::error_code> unix_endpoint::path(std::string_view path) {
    if (path.empty() || path.find('\0') != path.npos) return fail(std::errc::invalid_argument);
    if (path.size() > longest) return fail(std::errc::filename_too_long);
    unix_endpoint e;
    path.copy(e.name_.sun_path, path.size());
    e.size_ = static_cast<socklen_t>(header + path.size() + 1);
    return e;
}

std::expected<unix_endpoint, std::error_code> unix_endpoint::abstract(std::string_view name) {
    if (name.empty()) return fail(std::errc::invalid_argument);
    if (name.size() > longest) return fail(std::errc::filename_too_long);
    unix_endpoint e;
    name.copy(e.name_.sun_path + 1, name.size());
    e.size_ = static_cast<socklen_t>(header + 1 + name.size());
    return e;
}

std::expected<unix_endpoint, std::error_code> unix_endpoint::from(sockaddr const* name, socklen_t size) {
    if (size == 0) return unix_endpoint();  // a datagram from an unnamed socket
    if (size < header || name->sa_family != AF_UNIX) return fail(std::errc::address_family_not_supported);
    unix_endpoint e;
    e.size_ = std::min<socklen_t>(size, sizeof e.name_);
    std::memcpy(&e.name_, name, e.size_);
    if (!e.is_path()) return e;
    // A path may come without its '\0', with it, or with more behind it.
    auto const length = ::strnlen(e.name_.sun_path, e.size_ - header);
    if (length > longest) return fail(std::errc::filename_too_long);
    return path({e.name_.sun_path, length});
}

std::string_view unix_endpoint::name() const noexcept {
    if (is_unnamed()) return {};
    if (is_abstract()) return {name_.sun_path + 1, size_ - header - 1};
    return {name_.sun_path, size_ - header - 1};
}

std::strong_ordering operator<=>(unix_endpoint const& a, unix_endpoint const& b) noexcept {
    auto const kind = [](unix_endpoint const& e) { return e.is_unnamed() ? 0 : e.is_abstract() ? 1 : 2; };
    if (auto const by_kind = kind(a) <=> kind(b); by_kind != 0) return by_kind;
    return a.name() <=> b.name();
}

std::string to_string(unix_endpoint const& e) {
    if (e.is_unnamed()) return "(unnamed)";
    return e.is_abstract() ? '@' + std::string(e.name()) : std::string(e.name());
}

std::ostream& operator<<(std::ostream& out, unix_endpoint const& e) { return out << to_string(e); }

}  // namespace ramie
