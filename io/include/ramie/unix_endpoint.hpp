// The address of a unix socket: a path in the file system, a name in Linux's abstract namespace, or none.
#pragma once

#include <ramie/detail/ground/language.hpp>

#include <compare>
#include <cstddef>
#include <expected>
#include <iosfwd>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/socket.h>
#include <sys/un.h>

namespace ramie {

// A value; nothing here waits, and the file system is not asked.
class unix_endpoint {
  public:
    // Unnamed: the address of a socket that was not bound.
    unix_endpoint() noexcept { name_.sun_family = AF_UNIX; }

    // A relative path is meant from the current working directory. std::errc::filename_too_long above 107 bytes,
    // std::errc::invalid_argument if it is empty or has a '\0'.
    RAMIE_API static std::expected<unix_endpoint, std::error_code> path(std::string_view path);
    // Any bytes; not in the file system, gone with the socket. The same errors: above 107 bytes, or empty.
    RAMIE_API static std::expected<unix_endpoint, std::error_code> abstract(std::string_view name);
    // From what a system call filled in; errc::address_family_not_supported if it is of another family.
    RAMIE_API static std::expected<unix_endpoint, std::error_code> from(sockaddr const* name, socklen_t size);

    bool is_unnamed() const noexcept { return size_ == header; }
    bool is_abstract() const noexcept { return !is_unnamed() && name_.sun_path[0] == '\0'; }
    bool is_path() const noexcept { return !is_unnamed() && !is_abstract(); }
    // The path, or the abstract name; empty if unnamed.
    RAMIE_API std::string_view name() const noexcept;

    // For system calls.
    sockaddr const* data() const noexcept { return reinterpret_cast<sockaddr const*>(&name_); }
    socklen_t size() const noexcept { return size_; }

    // By kind (unnamed, abstract, path), then by name.
    friend std::strong_ordering operator<=>(unix_endpoint const& a, unix_endpoint const& b) noexcept;
    friend bool operator==(unix_endpoint const& a, unix_endpoint const& b) noexcept { return (a <=> b) == 0; }

  private:
    static constexpr socklen_t header = offsetof(sockaddr_un, sun_path);

    sockaddr_un name_{};
    socklen_t size_ = header;
};
RAMIE_API std::strong_ordering operator<=>(unix_endpoint const& a, unix_endpoint const& b) noexcept;

// "/run/server", "@name" for an abstract one, "(unnamed)".
RAMIE_API std::string to_string(unix_endpoint const& e);
RAMIE_API std::ostream& operator<<(std::ostream& out, unix_endpoint const& e);

}  // namespace ramie
