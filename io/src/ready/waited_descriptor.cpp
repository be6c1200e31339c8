// For dumps: which descriptor a fiber waits for.
#include "ready/loop.hpp"

#include "call/socket_call.hpp"
#include "posix/foreign_descriptor.hpp"

#include <ramie/endpoint.hpp>
#include <ramie/unix_endpoint.hpp>

#include <array>
#include <string>

#include <unistd.h>

namespace ramie::detail {

namespace {

sockaddr const* generic(sockaddr_storage const& name) noexcept {
    return reinterpret_cast<sockaddr const*>(&name);
}

std::string text_of(sockaddr_storage const& name, socklen_t size) {
    if (auto const e = endpoint::from(generic(name), size)) return to_string(*e);
    if (auto const e = unix_endpoint::from(generic(name), size)) return to_string(*e);
    return "(another family)";
}

// What /proc says of a descriptor that is no socket: "pipe:[4711]", a path. By now the number may stand for another
// file.
std::string file_of(int fd) {
    std::array<char, 256> text;
    auto const n = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), text.data(), text.size());
    return n > 0 ? std::string(text.data(), static_cast<std::size_t>(n)) : std::string();
}

}  // namespace

// The waiter is held, and with it the registration and the number.
bool loop::look(void const* object, outside_wait& out) noexcept {
    auto fd = interest_->number_of(object);
    if (fd < 0) fd = foreign_table::number_of(object);
    if (fd < 0) return false;
    out.fd = fd;
    out.own_size = sizeof out.own;
    if (socket_call::local_name(fd, reinterpret_cast<sockaddr*>(&out.own), &out.own_size) < 0) out.own_size = 0;
    out.peer_size = sizeof out.peer;
    if (socket_call::peer_name(fd, reinterpret_cast<sockaddr*>(&out.peer), &out.peer_size) < 0) out.peer_size = 0;
    return true;
}

std::string loop::describe(outside_wait const& w) const {
    auto const number = std::to_string(w.fd);
    if (w.own_size == 0) return "descriptor " + number + " " + file_of(w.fd);
    return "socket " + number + " " + text_of(w.own, w.own_size) +
           (w.peer_size != 0 ? " <-> " + text_of(w.peer, w.peer_size) : "");
}

}  // namespace ramie::detail
