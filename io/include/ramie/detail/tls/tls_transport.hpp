// The stream under TLS: any type that reads and writes as tcp_stream does.
#pragma once

#include <ramie/endpoint.hpp>

#include <concepts>
#include <cstddef>
#include <expected>
#include <span>
#include <system_error>
#include <utility>

namespace ramie::detail {

template <class S>
concept carries_tls = std::move_constructible<S> &&
    requires(S& s, std::span<std::byte> in, std::span<std::byte const> out) {
    { s.read(in) } -> std::same_as<std::expected<std::size_t, std::error_code>>;
    { s.write(out) } -> std::same_as<std::expected<std::size_t, std::error_code>>;
    s.close();
};

class tls_transport {
  public:
    virtual ~tls_transport() = default;
    virtual std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) = 0;
    virtual std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) = 0;
    virtual void close() noexcept = 0;
    virtual std::expected<endpoint, std::error_code> local_endpoint() const = 0;
    virtual std::expected<endpoint, std::error_code> peer_endpoint() const = 0;
};

template <carries_tls Stream>
class tls_transport_over final : public tls_transport {
  public:
    explicit tls_transport_over(Stream over) : over_(std::move(over)) {}
    std::expected<std::size_t, std::error_code> read(std::span<std::byte> into) override { return over_.read(into); }
    std::expected<std::size_t, std::error_code> write(std::span<std::byte const> from) override {
        return over_.write(from);
    }
    void close() noexcept override { over_.close(); }
    std::expected<endpoint, std::error_code> local_endpoint() const override {
        if constexpr (requires(Stream const& s) { s.local_endpoint(); }) return over_.local_endpoint();
        return no_endpoint();
    }
    std::expected<endpoint, std::error_code> peer_endpoint() const override {
        if constexpr (requires(Stream const& s) { s.peer_endpoint(); }) return over_.peer_endpoint();
        return no_endpoint();
    }

  private:
    static std::unexpected<std::error_code> no_endpoint() {
        return std::unexpected(std::make_error_code(std::errc::not_supported));
    }

    Stream over_;
};

}  // namespace ramie::detail
