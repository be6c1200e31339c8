// Reading in larger pieces than the caller asks for: lines, pieces up to a delimiter, a look ahead.
//
//     ramie::buffered_reader in(stream);      // uses `stream`; given a temporary or std::move(stream), it owns it
//     std::string line;
//     while (in.read_line(line).value()) ...
#pragma once

#include <ramie/detail/ground/least_most.hpp>
#include <ramie/detail/stream/byte_queue.hpp>
#include <ramie/detail/stream/exact_reading.hpp>
#include <ramie/io_error.hpp>
#include <ramie/stream_concepts.hpp>
#include <ramie/this_fiber.hpp>

#include <cstddef>
#include <cstring>
#include <expected>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace ramie {

// Bytes that were read from the source and not yet taken stay in the buffer, whatever ends an operation: an abort, a
// timeout, an error, a limit. So the operation can simply be repeated. The buffer is on the heap and is made by the
// first read. One fiber or thread at a time. S: the source's type, or a reference to it.
template <readable_stream S>
class buffered_reader : public detail::exact_reading<buffered_reader<S>> {
  public:
    static constexpr std::size_t usual_capacity = 8192, usual_limit = 64 * 1024;
    static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

    // std::invalid_argument: a capacity of 0.
    explicit buffered_reader(S&& source, std::size_t capacity = usual_capacity)
        : source_(std::forward<S>(source)), queue_(capacity) {
        if (capacity == 0) throw std::invalid_argument("ramie: a buffered_reader's capacity is 1 byte or more");
    }

    // --- the buffer ---
    // Bytes that were read and not yet taken. Valid until the next call that reads.
    std::span<std::byte const> buffer() const noexcept { return queue_.held(); }
    // The same; if there are no bytes, reads some first. Empty: the end. Suspension point.
    std::expected<std::span<std::byte const>, std::error_code> fill_buf() {
        this_fiber::consume_budget();
        if (queue_.empty()) {
            if (auto const more = read_more(); !more) return std::unexpected(more.error());
        }
        return queue_.held();
    }
    // The same, but at least `count` bytes; fewer only at the end. Suspension point.
    std::expected<std::span<std::byte const>, std::error_code> peek(std::size_t count) {
        this_fiber::consume_budget();
        while (queue_.held().size() < count) {
            auto const more = read_more(count);
            if (!more) return std::unexpected(more.error());
            if (!*more) break;
        }
        return queue_.held();
    }
    // Takes the first `count` bytes. std::out_of_range if there are fewer.
    void consume(std::size_t count) {
        if (count > queue_.held().size()) throw std::out_of_range("ramie: consume: more than the buffer holds");
        queue_.take(count);
    }

    // --- pieces ---
    // One line, without its end (" " or "\r "). Text after the last line end is a line too, unless it is empty. False:
    // there is no more. stream_errc::too_long: no line end within `limit` bytes; `line` is unchanged, and the buffer
    // keeps what came. Suspension point.
    std::expected<bool, std::error_code> read_line(std::string& line, std::size_t limit = usual_limit) {
        auto const found = find('\n', limit);
        if (!found) return std::unexpected(found.error());
        auto piece = text().substr(0, *found);
        if (piece.ends_with('\n')) piece.remove_suffix(piece.ends_with("\r\n") ? 2 : 1);
        line = piece;
        queue_.take(*found);
        return *found > 0;
    }
    // The bytes up to and with the next delimiter; at the end of the stream, the rest without one. Else as read_line().
    std::expected<bool, std::error_code> read_until(char delimiter, std::string& piece,
                                                    std::size_t limit = usual_limit) {
        auto const found = find(delimiter, limit);
        if (!found) return std::unexpected(found.error());
        piece = text().substr(0, *found);
        queue_.take(*found);
        return *found > 0;
    }

    // --- bytes ---
    // Gives the bytes that are there, waiting for at least one; 0: the end, or `into` is empty. Suspension point.
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) {
        if (queue_.empty() && into.size() >= queue_.usual_size()) return source_.read(into);
        if (into.empty()) return 0;
        auto const there = fill_buf();
        if (!there) return std::unexpected(there.error());
        return take_into(into);
    }
    std::expected<std::size_t, std::error_code> read(std::span<char> into) {
        return read(std::as_writable_bytes(into));
    }
    // Appends all bytes until the end to `text`, also those that came before an error or an abort; returns their
    // number. stream_errc::too_long: more than `limit` bytes came; `text` has the first `limit`, the buffer has the
    // others. Suspension point.
    std::expected<std::size_t, io_error> read_to_end(std::string& text, std::size_t limit = no_limit) {
        std::size_t done = 0;
        for (;;) {
            auto const there = fill_buf();
            if (!there) return std::unexpected(io_error{there.error(), done});
            if (there->empty()) return done;
            if (done == limit) return std::unexpected(io_error{stream_errc::too_long, done});
            auto const count = detail::least(there->size(), limit - done);
            text.append(reinterpret_cast<char const*>(there->data()), count);
            queue_.take(count);
            done += count;
        }
    }

    // The source. Bytes in the buffer have already left it.
    std::remove_reference_t<S>& source() noexcept { return source_; }

  private:
    std::string_view text() const noexcept {
        auto const held = queue_.held();
        return {reinterpret_cast<char const*>(held.data()), held.size()};
    }
    // False: the end.
    std::expected<bool, std::error_code> read_more(std::size_t in_all = 1) {
        auto const count = source_.read(queue_.space(in_all));
        if (!count) return std::unexpected(count.error());
        queue_.put(*count);
        return *count > 0;
    }
    // The number of bytes up to and with the delimiter, or up to the end.
    std::expected<std::size_t, std::error_code> find(char delimiter, std::size_t limit) {
        this_fiber::consume_budget();
        for (std::size_t searched = 0;;) {
            auto const at = text().substr(0, limit).find(delimiter, searched);
            if (at != std::string_view::npos) return at + 1;
            searched = text().size();
            if (searched >= limit) return std::unexpected(make_error_code(stream_errc::too_long));
            auto const more = read_more(searched + 1);
            if (!more) return std::unexpected(more.error());
            if (!*more) return searched;
        }
    }
    std::size_t take_into(std::span<std::byte> into) noexcept {
        auto const held = queue_.held();
        auto const count = detail::least(held.size(), into.size());
        std::memcpy(into.data(), held.data(), count);
        queue_.take(count);
        return count;
    }

    S source_;
    detail::byte_queue queue_;
};

template <class S>
buffered_reader(S&&) -> buffered_reader<S>;
template <class S>
buffered_reader(S&&, std::size_t) -> buffered_reader<S>;

}  // namespace ramie
