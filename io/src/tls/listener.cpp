#include <ramie/tls.hpp>

namespace ramie {

std::expected<tls_listener, std::error_code> tls_listener::bind(endpoint const& at, tls_server_config config,
                                                                listen_options const& options) {
    auto below = tcp_listener::bind(at, options);
    if (!below) return std::unexpected(below.error());
    return tls_listener(std::move(*below), std::move(config));
}

std::expected<tls_listener, std::error_code>
tls_listener::bind(std::string_view host, std::uint16_t port, tls_server_config config, listen_options const& options) {
    auto below = tcp_listener::bind(host, port, options);
    if (!below) return std::unexpected(below.error());
    return tls_listener(std::move(*below), std::move(config));
}

std::expected<tls_stream, std::error_code> tls_listener::accept() {
    auto below = listener_.accept();
    if (!below) return std::unexpected(below.error());
    return tls_stream::server(std::move(*below), config_);
}

}  // namespace ramie
