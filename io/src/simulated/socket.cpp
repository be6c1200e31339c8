#include "simulated/socket.hpp"

#include "ready/descriptor.hpp"

namespace ramie::detail {

void simulated_socket::watch(descriptor& by, std::uint32_t generation) noexcept {
    watcher_ = &by;
    generation_ = generation;
    report();
}

// Slots outlive their sockets, and a report for an earlier socket of the slot is ignored (registration.hpp).
void simulated_socket::report(std::uint32_t at_least) noexcept {
    if (watcher_ == nullptr) return;
    if (auto const now = events() | at_least; now != 0) watcher_->readiness.raise(generation_, now);
}

bool simulated_socket::is_at(host_address const& to) const noexcept {
    if (family == AF_INET && !to.is_v4()) return false;
    if (v6_only && to.is_v4()) return false;
    if (local.host == to) return true;
    return local.host.is_any() && (family == AF_INET6 || to.is_v4());
}

std::size_t size_of(std::span<iovec const> buffers) noexcept {
    std::size_t all = 0;
    for (auto const& each : buffers) all += each.iov_len;
    return all;
}

}  // namespace ramie::detail
