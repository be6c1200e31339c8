// Sockets that systemd opened for this process (socket activation): a service that is started by its first connection,
// or restarted without refusing any.
//
//     for (auto& each : ramie::listen_fds().value())
//         if (each.name == "http") http = ramie::tcp_listener::adopt(std::move(each.fd)).value();
#pragma once

#include <ramie/detail/ground/api.hpp>
#include <ramie/unique_fd.hpp>

#include <expected>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace ramie {

enum class listen_fds_errc {
    bad_pid = 1,  // LISTEN_PID is not a process number
    bad_count,    // LISTEN_FDS is not a number of descriptors
    bad_names,    // LISTEN_FDNAMES does not have as many names as LISTEN_FDS says
    not_open      // one of the descriptors that LISTEN_FDS counts is not open
};

RAMIE_API std::error_category const& listen_fds_category() noexcept;
inline std::error_code make_error_code(listen_fds_errc e) noexcept {
    return {static_cast<int>(e), listen_fds_category()};
}

struct passed_fd {
    unique_fd fd;      // close-on-exec
    std::string name;  // FileDescriptorName= of the socket unit; "unknown" if no names came
};

// The descriptors that were passed to this process, in order; none if LISTEN_PID is not set, or names another process.
// They are given only once: after a call that has found some, further calls return none. The environment is not
// changed. From any fiber or thread; does not wait.
RAMIE_API std::expected<std::vector<passed_fd>, std::error_code> listen_fds();

}  // namespace ramie

template <>
struct std::is_error_code_enum<ramie::listen_fds_errc> : std::true_type {};
