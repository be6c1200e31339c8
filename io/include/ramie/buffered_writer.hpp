// Writing in larger pieces than the caller gives.
//
//     ramie::buffered_writer out(stream);     // uses `stream`; given a temporary or std::move(stream), it owns it
//     out.write_all("many ").value(); out.write_all("small pieces").value();
//     out.flush().value();
#pragma once

#include <ramie/detail/ground/least_most.hpp>
#include <ramie/detail/stream/byte_queue.hpp>
#include <ramie/io_error.hpp>
#include <ramie/stream_concepts.hpp>
#include <ramie/write_all.hpp>

#include <cstddef>
#include <cstring>
#include <expected>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace ramie {

// Bytes that were taken and not yet written stay in the buffer, whatever ends an operation; so flush() can simply be
// repeated. The destructor does not flush, since that may wait and may fail: bytes that are still in the buffer are
// lost. The buffer is on the heap and is made by the first write. One fiber or thread at a time. S: the sink's type, or
// a reference to it.
template <writable_stream S>
class buffered_writer {
  public:
    static constexpr std::size_t usual_capacity = 8192;

    // std::invalid_argument: a capacity of 0.
    explicit buffered_writer(S&& sink, std::size_t capacity = usual_capacity)
        : sink_(std::forward<S>(sink)), queue_(capacity) {
        if (capacity == 0) throw std::invalid_argument("ramie: a buffered_writer's capacity is 1 byte or more");
    }

    // Takes at least one byte, as many as there is room for. If there is no room, it first writes what the buffer
    // holds: only then it is a suspension point.
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) {
        auto const capacity = queue_.usual_size();
        if (from.empty()) return 0;
        if (queue_.empty() && from.size() >= capacity) return sink_.write(from);
        if (queue_.held().size() >= capacity) {
            if (auto const written = write_some(); !written) return std::unexpected(written.error());
        }
        auto const count = detail::least(from.size(), capacity - queue_.held().size());
        std::memcpy(queue_.space(queue_.held().size() + count).data(), from.data(), count);
        queue_.put(count);
        return count;
    }
    std::expected<std::size_t, std::error_code> write(std::string_view from) { return write(detail::bytes_of(from)); }
    // Takes all bytes. `done` counts the bytes taken, also after an abort. Suspension point, as write().
    std::expected<std::size_t, io_error> write_all(std::span<std::byte const> from, std::size_t& done) {
        return ramie::write_all(*this, from, done);
    }
    std::expected<std::size_t, io_error> write_all(std::span<std::byte const> from) {
        return ramie::write_all(*this, from);
    }
    std::expected<std::size_t, io_error> write_all(std::string_view from, std::size_t& done) {
        return ramie::write_all(*this, from, done);
    }
    std::expected<std::size_t, io_error> write_all(std::string_view from) { return ramie::write_all(*this, from); }

    // Writes all bytes in the buffer; those that could not be written stay in it. Suspension point.
    std::expected<void, std::error_code> flush() {
        while (!queue_.empty()) {
            if (auto const written = write_some(); !written) return written;
        }
        return {};
    }
    // Bytes that were taken and not yet written.
    std::span<std::byte const> buffer() const noexcept { return queue_.held(); }

    // The sink.
    std::remove_reference_t<S>& sink() noexcept { return sink_; }

  private:
    std::expected<void, std::error_code> write_some() {
        auto const count = sink_.write(queue_.held());
        if (!count) return std::unexpected(count.error());
        if (*count == 0) return std::unexpected(std::make_error_code(std::errc::io_error));  // as write_all()
        queue_.take(*count);
        return {};
    }

    S sink_;
    detail::byte_queue queue_;
};

template <class S>
buffered_writer(S&&) -> buffered_writer<S>;
template <class S>
buffered_writer(S&&, std::size_t) -> buffered_writer<S>;

}  // namespace ramie
