#include "simulated/stream_end.hpp"

#include <algorithm>
#include <cerrno>

namespace ramie::detail {

using namespace std::chrono_literals;

std::string stream_end::pair_text() const {
    return local.text() + " to " + remote_.text();
}

// --- connecting ---

int stream_end::connect(socket_address const& to) {
    if (error != 0) return take_error();
    switch (state_) {
    case state::connecting: return -EALREADY;
    case state::connected: return -EISCONN;
    case state::listening: return -EINVAL;
    case state::broken: return -ECONNABORTED;
    case state::fresh: break;
    }
    auto const machine = net.find(to.host, node);
    if (!machine) return -ENETUNREACH;
    if (auto const bound = net.bind_if_unbound(*this); bound < 0) return bound;
    remote_ = to;
    remote_node_ = *machine;
    auto const as_family = to.host.is_v4() ? AF_INET : AF_INET6;
    if (to.host.is_any()) remote_.host = host_address::loopback(as_family);
    if (local.host.is_any()) local.host = remote_.host.is_loopback() ? remote_.host : net.at(node).of(as_family);
    state_ = state::connecting;
    net.on.note(pair_text(), ": connects");
    try_to_connect(0);
    return -EINPROGRESS;
}

void stream_end::try_to_connect(unsigned tries) {
    auto const arrives = net.on.now() + net.delay(node, remote_node_);
    net.on.at(arrives, [&n = net, me = number, tries] {
        if (auto* const self = static_cast<stream_end*>(n.socket(me));
            self != nullptr && self->state_ == state::connecting)
            self->ask(tries);
    });
}

// The question arrives, or not. Without an answer it is asked again: after 1, 2, 4 ... seconds, as Linux does.
void stream_end::ask(unsigned tries) {
    constexpr unsigned most_tries = 6;
    if (net.reaches(node, remote_node_) && !net.loses(node, remote_node_)) {
        auto* const there = static_cast<stream_end*>(net.bound_to(remote_node_, remote_, true, local));
        if (there == nullptr || net.once_in(net.conditions.refused_one_in)) {
            net.on.at(net.on.now() + net.delay(remote_node_, node), [&n = net, me = number] {
                auto* const self = static_cast<stream_end*>(n.socket(me));
                if (self != nullptr && self->state_ == state::connecting) self->fail_to_connect(ECONNREFUSED);
            });
            return;
        }
        if (there->admit(*this)) return;
    }
    auto const pause = std::chrono::seconds(1u << tries);
    net.on.at(net.on.now() + pause, [&n = net, me = number, tries] {
        auto* const self = static_cast<stream_end*>(n.socket(me));
        if (self == nullptr || self->state_ != state::connecting) return;
        if (tries == most_tries)
            self->fail_to_connect(ETIMEDOUT);
        else
            self->ask(tries + 1);
    });
}

void stream_end::fail_to_connect(int with) {
    net.on.note(pair_text(), with == ETIMEDOUT ? ": no answer" : ": refused");
    state_ = state::fresh;
    error = with;
    report(EPOLLHUP);
}

// False: no place in the queue, and no answer.
bool stream_end::admit(stream_end& client) {
    if (waiting_.size() >= backlog_) return false;
    auto& made = net.add<stream_end>(node, family);
    made.local = client.remote_;
    made.remote_ = client.local;
    made.remote_node_ = client.node;
    made.state_ = state::connected;
    made.choose_capacity();
    made.out_ =
        std::make_shared<wire>(net, wire::end_point{made.number, node}, wire::end_point{client.number, client.node});
    made.out_->send(wire::kind::established);
    waiting_.push_back(made.number);
    net.on.note(made.pair_text(), ": waits to be accepted");
    report();
    return true;
}

void stream_end::established(int by) {
    if (state_ != state::connecting) return;
    state_ = state::connected;
    choose_capacity();
    out_ = std::make_shared<wire>(net, wire::end_point{number, node}, wire::end_point{by, remote_node_});
    net.on.note(pair_text(), ": connected");
    report();
}

void stream_end::choose_capacity() {
    constexpr std::size_t sizes[] = {65'536, 16'384, 4'096, 1'000, 100};
    capacity_ = sizes[net.on.choices.choose(std::size(sizes))];
}

int stream_end::listen(int backlog) {
    if (state_ != state::fresh && state_ != state::listening) return -EINVAL;
    if (auto const bound = net.bind_if_unbound(*this); bound < 0) return bound;
    state_ = state::listening;
    backlog_ = static_cast<std::size_t>(std::clamp(backlog, 0, 4096)) + 1;  // Linux takes one more
    return 0;
}

int stream_end::accept() {
    if (state_ != state::listening) return -EINVAL;
    while (!waiting_.empty()) {
        if (net.once_in(net.conditions.accept_fails_one_in)) {
            net.on.note(local.text(), ": no descriptor left to accept with");
            return -EMFILE;
        }
        auto const next = waiting_.front();
        waiting_.pop_front();
        if (net.socket(next) != nullptr) return next;
    }
    return -EAGAIN;
}

// --- bytes ---

ssize_t stream_end::send(std::span<iovec const> from, socket_address const*) {
    if (error != 0) return take_error();
    if (state_ == state::connecting) return -EAGAIN;
    if (state_ != state::connected || ended_) return -EPIPE;
    auto const size = std::min(size_of(from), room());
    lacked_room_ = size < size_of(from);
    if (size == 0 && lacked_room_) return -EAGAIN;
    std::vector<std::byte> bytes;
    bytes.reserve(size);
    for (auto const& each : from) {
        auto const* const data = static_cast<std::byte const*>(each.iov_base);
        bytes.insert(bytes.end(), data, data + std::min(each.iov_len, size - bytes.size()));
    }
    unread_ += size;
    if (net.once_in(net.conditions.reset_one_in)) {
        net.on.note(pair_text(), ": the connection is torn");
        out_->tear();
        net.on.at(net.on.now(), [&n = net, me = number] {
            if (auto* const self = static_cast<stream_end*>(n.socket(me))) self->break_off(ECONNRESET);
        });
        return static_cast<ssize_t>(size);
    }
    // Often in one piece, sometimes in two: the reader must not rely on either.
    auto const cut = net.on.choices.choose(4) == 3 && size > 1
                         ? 1 + net.on.choices.choose(static_cast<std::uint32_t>(size - 1))
                         : size;
    auto const middle = bytes.begin() + static_cast<std::ptrdiff_t>(cut);
    if (cut < size) {
        out_->send(wire::kind::data, {bytes.begin(), middle});
        bytes.erase(bytes.begin(), middle);
    }
    out_->send(wire::kind::data, std::move(bytes));
    return static_cast<ssize_t>(size);
}

ssize_t stream_end::receive(std::span<iovec const> into, int flags, socket_address*, bool&) {
    if (!arrived_.empty()) {
        std::size_t done = 0;
        for (auto const& each : into) {
            auto const count = std::min(each.iov_len, arrived_.size() - done);
            std::copy_n(arrived_.begin() + static_cast<std::ptrdiff_t>(done), count,
                        static_cast<std::byte*>(each.iov_base));
            done += count;
        }
        if ((flags & MSG_PEEK) == 0) {
            arrived_.erase(arrived_.begin(), arrived_.begin() + static_cast<std::ptrdiff_t>(done));
            if (state_ == state::connected) out_->send(wire::kind::read, {}, done);
        }
        return static_cast<ssize_t>(done);
    }
    if (error != 0) return take_error();
    if (peer_ended_ || reads_no_more_ || state_ == state::broken) return 0;
    if (state_ == state::connected || state_ == state::connecting) return -EAGAIN;
    return -ENOTCONN;
}

void stream_end::arrive(std::vector<std::byte> const& bytes) {
    net.on.note(local.text(), " gets ", bytes.size(), " bytes from ", remote_.text());
    arrived_.insert(arrived_.end(), bytes.begin(), bytes.end());
    report();
}

void stream_end::arrive_end() {
    net.on.note(local.text(), " gets the end from ", remote_.text());
    peer_ended_ = true;
    report();
}

void stream_end::was_read(std::size_t count) {
    unread_ -= std::min(count, unread_);
    if (std::exchange(lacked_room_, false)) report();
}

// --- the end ---

int stream_end::shutdown(int how) {
    if (state_ == state::listening) {
        state_ = state::fresh;
        report(EPOLLIN | EPOLLHUP);
        return 0;
    }
    if (state_ != state::connected) return -ENOTCONN;
    if (how != SHUT_WR) reads_no_more_ = true;
    if (how != SHUT_RD && !std::exchange(ended_, true)) out_->send(wire::kind::end);
    report();
    return 0;
}

void stream_end::break_off(int with) {
    if (state_ == state::connecting) return fail_to_connect(with);
    if (state_ != state::connected) return;
    net.on.note(local.text(), with == ETIMEDOUT ? " gets no answer any more from " : " gets a reset from ",
                remote_.text());
    state_ = state::broken;
    out_->stop();
    error = with;
    report();
}

// As the system does when the number goes: with bytes that were not read, or if it was told to, by a reset.
void stream_end::close() {
    if (state_ == state::listening) {
        for (auto const each : waiting_) {
            if (auto* const s = net.socket(each)) s->reset_on_close = true;
            net.close(each);
        }
    }
    if (state_ != state::connected) return;
    net.on.note(pair_text(), ": closed");
    if (reset_on_close || !arrived_.empty())
        out_->tear();
    else if (!ended_)
        out_->send(wire::kind::end);
}

std::optional<socket_address> stream_end::peer() const {
    if (state_ != state::connected) return std::nullopt;
    return remote_;
}

std::uint32_t stream_end::events() const noexcept {
    bool const broken = state_ == state::broken || error != 0;
    std::uint32_t now = 0;
    if (!waiting_.empty()) now |= EPOLLIN;
    if (!arrived_.empty() || peer_ended_ || reads_no_more_ || broken) now |= EPOLLIN;
    if (broken || ended_ || (state_ == state::connected && room() > 0)) now |= EPOLLOUT;
    if (peer_ended_ || reads_no_more_ || broken) now |= EPOLLRDHUP;
    if (broken || (peer_ended_ && ended_)) now |= EPOLLHUP;
    if (error != 0) now |= EPOLLERR;
    return now;
}

}  // namespace ramie::detail
