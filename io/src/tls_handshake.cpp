// The handshake of a tls_connection: steps of the engine and what goes over the wire between them.
#include "tls_connection.hpp"

#include "operation.hpp"

#include <ramie/detail/processors.hpp>
#include <ramie/semaphore.hpp>
#include <ramie/timeout.hpp>

#include <algorithm>
#include <mutex>

namespace ramie::detail {

namespace {

using outcome = tls_engine::outcome;

// A step computes for a millisecond or more. So that a thousand clients at once leave processor time to the fibers that
// have their connection already, only some compute at a time. Never destroyed: fibers may wait in it until the very
// end.
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
    transport->close();  // the peer shall not wait either
    return std::unexpected(late);
}

std::expected<void, std::error_code> tls_connection::shake_hands() {
    for (;;) {
        auto const step = [&] {
            auto const turn = turns_to_compute().acquire();
            return engine.handshake();
        }();
        auto const sent = flush();  // also when it failed: the peer is told why
        if (step.what == outcome::failed) return std::unexpected(step.error);
        if (!sent) return sent;
        if (step.what == outcome::done) {
            shaken_.store(true, std::memory_order_release);
            return {};
        }
        if (auto const more = receive(); !more) return more;
    }
}

}  // namespace ramie::detail
