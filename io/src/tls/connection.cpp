#include "tls/connection.hpp"

#include "call/operation.hpp"

#include <ramie/detail/wait/budget.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/timeout.hpp>

#include <algorithm>
#include <mutex>
#include <utility>

namespace ramie::detail {

namespace {

using outcome = tls_engine::outcome;

constexpr std::size_t whole_record = tls_connection::record + 1024;  // with its header and padding

constexpr std::size_t most_unsent = 64 * 1024;  // answers that a reader may leave to the next writer

// Every operation on a socket does this, so a fiber that finds all its data decrypted already still lets others run now
// and then. Abort point.
void let_others_run() { (void)waiter::enter(fiber_budget::system_call); }

}  // namespace

tls_connection::tls_connection(std::unique_ptr<tls_transport> over, std::shared_ptr<tls_context> c)
    : engine(c), transport(std::move(over)), handshake_timeout_(c->handshake_timeout) {}

tls_connection::tls_connection(std::unique_ptr<tls_transport> over, std::shared_ptr<tls_context> c,
                               std::string_view host, std::string peer)
    : engine(c, host, std::move(peer)), transport(std::move(over)), handshake_timeout_(c->handshake_timeout) {}

void tls_connection::close() noexcept {
    closed_.store(true, std::memory_order_relaxed);
    transport->close();
}

std::expected<void, std::error_code> tls_connection::receive(bool is_in_record) {
    if (is_in_record && rest_of_record_ == nullptr)
        rest_of_record_ = std::make_unique_for_overwrite<std::byte[]>(whole_record);
    auto const into = is_in_record ? std::span(rest_of_record_.get(), whole_record) : std::span(begin_of_record_);
    auto const count = transport->read(into);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return std::unexpected(make_error_code(tls_errc::truncated));
    engine.feed(into.first(*count));
    return {};
}

std::expected<void, std::error_code> tls_connection::flush() {
    for (;;) {
        if (sent_ == sending_.size()) {
            sent_ = 0;
            sending_ = engine.take();
            if (sending_.empty()) return {};
        }
        auto const count = transport->write(std::span(sending_).subspan(sent_));
        if (!count) return std::unexpected(count.error());
        sent_ += *count;
    }
}

// What cannot be sent now stays for the next write, and so does the news that the wire is broken. But a peer that makes
// us answer without end and never reads must not fill our memory: then the reader waits.
void tls_connection::flush_if_nobody_has_to_wait() {
    if (engine.unsent() > most_unsent) {
        std::lock_guard const mine(writing_);
        (void)flush();
        return;
    }
    std::unique_lock const mine(writing_, std::try_to_lock);
    if (mine) (void)timeout(std::chrono::nanoseconds(0), [&] { (void)flush(); });
}

std::expected<std::size_t, std::error_code> tls_connection::read(std::span<std::byte> into) {
    let_others_run();
    if (auto const ready = handshake(); !ready) return std::unexpected(ready.error());
    if (into.empty()) return 0;
    std::lock_guard const mine(reading_);
    for (;;) {
        if (closed()) return std::unexpected(closed_before());
        auto const step = engine.read(into);
        let_go_of_what_was_read(step);
        if (step.what == outcome::done) return step.count;  // at once: an abort from here on would lose it
        flush_if_nobody_has_to_wait();
        if (step.what == outcome::ended) return 0;
        if (step.what == outcome::failed) return std::unexpected(step.error);
        if (auto const more = receive(step.is_in_record); !more) return std::unexpected(more.error());
    }
}

std::expected<void, std::error_code> tls_connection::write(std::span<std::byte const> from, std::size_t& done) {
    if (auto const ready = handshake(); !ready) return ready;
    std::lock_guard const mine(writing_);
    if (closed()) return std::unexpected(closed_before());
    if (auto const before = flush(); !before || from.empty()) return before;
    auto const step = engine.write(from.first(std::min(from.size(), record)));
    if (step.what != outcome::done)
        return std::unexpected(step.error ? step.error : std::make_error_code(std::errc::protocol_error));
    done += step.count;
    return flush();
}

std::expected<void, std::error_code> tls_connection::shutdown() {
    std::lock_guard const mine(writing_);
    if (closed()) return std::unexpected(closed_before());
    if (!shaken()) return std::unexpected(std::make_error_code(std::errc::not_connected));
    if (auto const step = engine.close_notify(); step.what == outcome::failed) return std::unexpected(step.error);
    return flush();
}

}  // namespace ramie::detail
