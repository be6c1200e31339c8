// A stream as two objects, one that reads and one that writes, each with its own owner.
//
//     auto [reader, writer] = ramie::split(std::move(stream));
//     auto copying = ramie::spawn([r = std::move(reader)]() mutable { ... });
//
// Two fibers may read and write one stream at once anyway; this is for two fibers that must not own each other's side.
// The stream is closed when both halves are gone. When the writing half goes first, the peer reads to the end, as after
// shutdown_write(); when the reading half goes first, nothing happens.
#pragma once

#include <ramie/byte_stream.hpp>

#include <memory>
#include <stdexcept>
#include <utility>

namespace ramie {

namespace detail {

struct halving;

// One of the two owners of a stream; move-only.
template <class Stream>
class stream_share {
  public:
    explicit stream_share(std::shared_ptr<Stream> whole) noexcept : whole_(std::move(whole)) {}
    stream_share(stream_share&&) noexcept = default;
    stream_share& operator=(stream_share&& other) noexcept {
        std::swap(whole_, other.whole_);
        return *this;
    }
    Stream* get() const noexcept { return whole_.get(); }
    std::shared_ptr<Stream> take() noexcept { return std::move(whole_); }

    // call(the stream); an error if this half was moved from.
    template <class Call>
    std::expected<std::size_t, std::error_code> use(Call&& call) const {
        if (whole_ == nullptr) return std::unexpected(std::make_error_code(std::errc::bad_file_descriptor));
        return call(*whole_);
    }

  private:
    std::shared_ptr<Stream> whole_;
};

}  // namespace detail

// Move-only. Reads as byte_stream.hpp says.
template <class Stream>
class read_half : public byte_source<read_half<Stream>> {
  public:
    // The whole stream, for its other calls; not after a move.
    Stream& stream() const noexcept { return *share_.get(); }

  private:
    friend byte_source<read_half>;
    friend detail::halving;
    explicit read_half(std::shared_ptr<Stream> whole) noexcept : share_(std::move(whole)) {}
    std::expected<std::size_t, std::error_code> read_some(std::span<std::byte> into) {
        return share_.use([&](Stream& s) { return s.read(into); });
    }
    std::expected<std::size_t, std::error_code> read_some(std::span<std::span<std::byte> const> into) {
        return share_.use([&](Stream& s) { return s.read_vectored(into); });
    }

    detail::stream_share<Stream> share_;
};

// Move-only. Writes as byte_stream.hpp says; destroying it ends the direction.
template <class Stream>
class write_half : public byte_sink<write_half<Stream>> {
  public:
    write_half(write_half&&) noexcept = default;
    write_half& operator=(write_half&&) noexcept = default;
    ~write_half() {
        if (share_.get() != nullptr) (void)share_.get()->shutdown_write();  // an error means that it has ended already
    }
    Stream& stream() const noexcept { return *share_.get(); }

  private:
    friend byte_sink<write_half>;
    friend detail::halving;
    explicit write_half(std::shared_ptr<Stream> whole) noexcept : share_(std::move(whole)) {}
    std::expected<std::size_t, std::error_code> write_some(std::span<std::byte const> from) {
        return share_.use([&](Stream& s) { return s.write(from); });
    }
    std::expected<std::size_t, std::error_code> write_some(std::span<std::span<std::byte const> const> from) {
        return share_.use([&](Stream& s) { return s.write_vectored(from); });
    }

    detail::stream_share<Stream> share_;
};

template <class Stream>
struct stream_halves {
    read_half<Stream> reader;
    write_half<Stream> writer;
};

namespace detail {

struct halving {
    template <class Stream>
    static stream_halves<Stream> split(Stream&& whole) {
        auto const shared = std::make_shared<Stream>(std::move(whole));
        return {read_half<Stream>(shared), write_half<Stream>(shared)};
    }
    template <class Stream>
    static Stream reunite(read_half<Stream>& reader, write_half<Stream>& writer) {
        if (reader.share_.get() == nullptr || reader.share_.get() != writer.share_.get())
            throw std::logic_error("ramie: reunite was given halves that are not of one stream");
        auto const whole = reader.share_.take();
        (void)writer.share_.take();
        return std::move(*whole);
    }
};

}  // namespace detail

// Takes a tcp_stream or unix_stream apart. Does not wait. Other fibers must not use the stream meanwhile.
template <class Stream>
    requires(!std::is_reference_v<Stream>)
stream_halves<Stream> split(Stream&& whole) {
    return detail::halving::split(std::move(whole));
}

// Puts two halves together again; if they are not of one stream: std::logic_error, and both are kept.
template <class Stream>
Stream reunite(read_half<Stream>&& reader, write_half<Stream>&& writer) {
    return detail::halving::reunite(reader, writer);
}

}  // namespace ramie
