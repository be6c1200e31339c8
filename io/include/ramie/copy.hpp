// From one stream into another, one way or both.
#pragma once

#include <ramie/join.hpp>
#include <ramie/stream_concepts.hpp>
#include <ramie/io_error.hpp>
#include <ramie/this_fiber.hpp>
#include <ramie/write_all.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace ramie {

// Names one of two streams that are copied into each other.
enum class stream_of_two : std::uint8_t { a, b };

struct copied_bytes {
    std::size_t a_to_b = 0;
    std::size_t b_to_a = 0;
    friend bool operator==(copied_bytes const&, copied_bytes const&) = default;
};

struct copy_both_error {
    std::error_code code;
    stream_of_two where{};  // the stream on which a call failed
    copied_bytes done;
    std::string message() const { return code.message(); }
    operator std::error_code() const noexcept { return code; }
};

namespace detail {

// Why a copy ended early, and on which side.
struct copy_failure {
    std::error_code code;
    bool by_reader = false;
};

// Calls take(bytes) with all bytes until the end of `from`. take returns an error or none.
template <readable_stream From, class Take>
std::expected<void, copy_failure> for_all_bytes(From& from, std::size_t buffer_size, Take&& take) {
    if constexpr (buffered_readable_stream<From>) {
        for (;;) {
            this_fiber::consume_budget();  // a user's stream may never wait
            auto const there = from.fill_buf();
            if (!there) return std::unexpected(copy_failure{there.error(), true});
            if (there->empty()) return {};
            std::size_t done = 0;
            // What was taken leaves the buffer, even if take() is aborted.
            struct consuming {
                From& from;
                std::size_t& done;
                ~consuming() { from.consume(done); }
            } const until_taken{from, done};
            if (auto const error = take(*there, done)) return std::unexpected(copy_failure{error, false});
        }
    } else {
        auto const memory = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
        for (;;) {
            this_fiber::consume_budget();
            auto const count = from.read(std::span(memory.get(), buffer_size));
            if (!count) return std::unexpected(copy_failure{count.error(), true});
            if (*count == 0) return {};
            std::size_t done = 0;
            if (auto const error = take(std::span<std::byte const>(memory.get(), *count), done))
                return std::unexpected(copy_failure{error, false});
        }
    }
}

template <readable_stream From, writable_stream To>
std::expected<void, copy_failure> copy_until_end(From& from, To& to, std::size_t buffer_size, std::size_t& total) {
    auto copied = for_all_bytes(from, buffer_size, [&](std::span<std::byte const> bytes, std::size_t& done) {
        struct counting {
            std::size_t& total;
            std::size_t& done;
            ~counting() { total += done; }
        } const also_if_aborted{total, done};
        auto const written = write_all(to, bytes, done);
        return written ? std::error_code() : written.error().code;
    });
    if constexpr (buffered_writable_stream<To>) {
        if (!copied) return copied;
        if (auto const flushed = to.flush(); !flushed) return std::unexpected(copy_failure{flushed.error(), false});
    }
    return copied;
}

// One direction of two: the end of `from` is passed on.
template <readable_stream From, half_closable_stream To>
std::expected<void, copy_failure> relay(From& from, To& to, std::size_t& total) {
    constexpr std::size_t buffer_size = 16 * 1024;
    auto copied = copy_until_end(from, to, buffer_size, total);
    if (!copied) return copied;
    if (auto const ended = to.shutdown_write(); !ended) return std::unexpected(copy_failure{ended.error(), false});
    return {};
}

}  // namespace detail

// Copies all bytes until the end of `from` into `to`; then flushes `to`, if it can be flushed, and does not close it.
// Returns the number of bytes. `done` counts the bytes written as it goes, so it is right also after an abort. If an
// abort, a timeout or an error ends the copy, bytes that were read and not yet written are lost, unless `from` is a
// buffered_reader: then its buffer keeps them. Suspension point.
template <readable_stream From, writable_stream To>
std::expected<std::size_t, io_error> copy(From&& from, To&& to, std::size_t& done) {
    done = 0;
    auto const copied = detail::copy_until_end(from, to, 64 * 1024, done);
    if (!copied) return std::unexpected(io_error{copied.error().code, done});
    return done;
}
template <readable_stream From, writable_stream To>
std::expected<std::size_t, io_error> copy(From&& from, To&& to) {
    std::size_t done = 0;
    return copy(from, to, done);
}

// Copies both ways at once until both have ended: the work of a proxy. When one stream ends, the other one is told
// (shutdown_write) and may still answer. The first error ends both ways; so does an abort or a timeout. Neither stream
// is closed. After an error, bytes that were read and not yet written are lost, so close both. `done` counts as it
// goes, and is right also after an abort. Only from tasks: each way is a task of its own. Suspension point.
template <class A, class B>
    requires readable_stream<A> && half_closable_stream<A> && readable_stream<B> && half_closable_stream<B>
std::expected<copied_bytes, copy_both_error> copy_bidirectional(A& a, B& b, copied_bytes& done) {
    done = {};
    auto const error_at = [](detail::copy_failure const& f, stream_of_two reader, stream_of_two writer) {
        return std::unexpected(std::pair(f.code, f.by_reader ? reader : writer));
    };
    using way = std::expected<void, std::pair<std::error_code, stream_of_two>>;
    auto const both = try_join(
        [&]() -> way {
            auto const over = detail::relay(a, b, done.a_to_b);
            if (!over) return error_at(over.error(), stream_of_two::a, stream_of_two::b);
            return {};
        },
        [&]() -> way {
            auto const over = detail::relay(b, a, done.b_to_a);
            if (!over) return error_at(over.error(), stream_of_two::b, stream_of_two::a);
            return {};
        });
    if (!both) return std::unexpected(copy_both_error{both.error().first, both.error().second, done});
    return done;
}
template <class A, class B>
    requires readable_stream<A> && half_closable_stream<A> && readable_stream<B> && half_closable_stream<B>
std::expected<copied_bytes, copy_both_error> copy_bidirectional(A& a, B& b) {
    copied_bytes done;
    return copy_bidirectional(a, b, done);
}

}  // namespace ramie
