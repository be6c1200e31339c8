// Several UDP datagrams in one system call.
#include <ramie/udp.hpp>

#include "call/socket_call.hpp"
#include "call/transfer.hpp"

#include <algorithm>
#include <array>

namespace ramie {

using namespace detail;

namespace {

// A batch in the system's form. It lies on a fiber's stack, so it is not large.
struct message_array {
    static constexpr std::size_t most = 32;
    std::array<mmsghdr, most> messages;
    std::array<iovec, most> data;

    void set(std::size_t i, void const* bytes, std::size_t size, void const* name, std::size_t name_size) noexcept {
        data[i] = {const_cast<void*>(bytes), size};
        messages[i] = {};
        auto& header = messages[i].msg_hdr;
        header.msg_iov = &data[i];
        header.msg_iovlen = 1;
        header.msg_name = const_cast<void*>(name);
        header.msg_namelen = static_cast<socklen_t>(name_size);
    }
};

}  // namespace

std::expected<std::size_t, std::error_code> udp_socket::send_batch(std::span<outgoing_datagram<endpoint> const> batch) {
    if (batch.empty()) return transfer_nothing(descriptor_, "send");
    message_array all;
    auto const count = std::min(batch.size(), message_array::most);
    for (std::size_t i = 0; i < count; ++i) {
        auto const& [bytes, to] = batch[i];
        all.set(i, bytes.data(), bytes.size(), to != nullptr ? to->data() : nullptr, to != nullptr ? to->size() : 0);
    }
    return transfer(descriptor_, direction::write, "send", [&](int fd) {
        return attempt{socket_call::send_messages(fd, std::span(all.messages).first(count))};
    });
}

std::expected<std::size_t, std::error_code> udp_socket::receive_batch(std::span<incoming_datagram<endpoint>> batch) {
    if (batch.empty()) return transfer_nothing(descriptor_, "receive");
    message_array all;
    std::array<sockaddr_in6, message_array::most> names;
    auto const count = std::min(batch.size(), message_array::most);
    for (std::size_t i = 0; i < count; ++i)
        all.set(i, batch[i].into.data(), batch[i].into.size(), &names[i], sizeof names[i]);
    auto const got = transfer(descriptor_, direction::read, "receive", [&](int fd) {
        return attempt{socket_call::receive_messages(fd, std::span(all.messages).first(count), MSG_TRUNC)};
    });
    if (!got) return got;
    for (std::size_t i = 0; i < *got; ++i) {
        auto const full = static_cast<std::size_t>(all.messages[i].msg_len);
        batch[i].size = {std::min(full, batch[i].into.size()), full};
        auto const from = endpoint::from(reinterpret_cast<sockaddr const*>(&names[i]),
                                         all.messages[i].msg_hdr.msg_namelen);
        if (!from) return std::unexpected(from.error());  // a UDP socket has no other kind
        batch[i].from = *from;
    }
    return got;
}

}  // namespace ramie
