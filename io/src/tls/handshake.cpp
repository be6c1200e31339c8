// The handshake of a tls_connection: the engine's steps, and the transfers between them.
#include "tls/connection.hpp"

#include "call/operation.hpp"

#include <ramie/detail/machine/processors.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/timeout.hpp>

#include <algorithm>
#include <mutex>

namespace ramie::detail {

namespace {

using outcome = tls_engine::outcome;

// A step computes for a millisecond or more. Only some fibers compute at a time, so that a thousand new clients leave
// processor time to the fibers that are connected already. Never destroyed: fibers may wait in it until the process
// ends.
semaphore& turns_to_compute() {
    static auto& turns = *new semaphore(std::max(1u, usable_processors() / 2));
    return turns;
}

}  // namespace

std::expected<void, std::error_code> tls_connection::handshake() {
    if (closed()) return std::unexpected(closed_before());
    if (shaken()) return {};
    std::scoped_lock const one_at_a_time(reading_);
    std::scoped_lock const and_no_writer(writing_);
    if (shaken()) return {};
    if (handshake_timeout_.count() == 0) return shake_hands();
    auto const result = timeout(handshake_timeout_, [&] { return shake_hands(); });
    if (result) return *result;
    auto const late = std::make_error_code(std::errc::timed_out);
    engine.break_off(late);
    transport->close();  // so that the peer does not wait, either
    return std::unexpected(late);
}

// A server does nothing until its client has said hello, so it needs no engine before. The engine begins when the first
// record is here, or as much of it as there is room for. (Or bytes that are no record: the engine knows how to answer.)
std::expected<void, std::error_code> tls_connection::wait_for_hello() {
    constexpr std::size_t header = 5;  // type, version, and the length in two bytes
    constexpr auto handshake_record = std::byte{22};
    auto const is_whole = [this](std::size_t count) {
        auto const& r = begin_of_record_;
        if (count == r.size() || (count > 0 && r[0] != handshake_record)) return true;
        return count >= header &&
               count >= header + (std::to_integer<std::size_t>(r[3]) << 8) + std::to_integer<std::size_t>(r[4]);
    };
    if (!engine.is_server() || hello_is_here_) return {};
    if (auto const why = engine.broken()) return std::unexpected(why);
    while (!is_whole(hello_size_)) {
        auto const count = transport->read(std::span(begin_of_record_).subspan(hello_size_));
        if (!count) return std::unexpected(count.error());
        if (*count == 0) return std::unexpected(make_error_code(tls_errc::truncated));
        hello_size_ = static_cast<std::uint16_t>(hello_size_ + *count);
    }
    engine.feed(std::span(begin_of_record_).first(hello_size_));
    hello_is_here_ = true;
    return {};
}

std::expected<void, std::error_code> tls_connection::shake_hands() {
    if (auto const hello = wait_for_hello(); !hello) return hello;
    for (;;) {
        auto const step = [&] {
            auto const turn = turns_to_compute().acquire();
            return engine.handshake();
        }();
        let_go_of_what_was_read(step);
        auto const sent = flush();  // also after a failure, so that the peer is told why
        if (step.what == outcome::failed) return std::unexpected(step.error);
        if (!sent) return sent;
        if (step.what == outcome::done) {
            shaken_.store(true, std::memory_order_release);
            return {};
        }
        if (auto const more = receive(step.is_in_record); !more) return more;
    }
}

}  // namespace ramie::detail
