#include <ramie/tls_config.hpp>

#include "call/ask_on_pool.hpp"
#include "tls/context.hpp"

#include <ramie/detail/wait/waiter.hpp>
#include <ramie/mutex.hpp>

#include <mutex>

namespace ramie {

namespace {

// Files and a large trust store take some 30 ms of a thread's time.
template <class Options>
detail::tls_context::made make_off_worker(Options const& options, detail::tls_context::made (*make)(Options const&)) {
    auto& self = detail::waiter::enter();
    if (!self.is_fiber()) return make(options);
    try {
        auto result = detail::ask_on_pool<detail::blocking_share::files>([options, make] { return make(options); });
        if (result) return std::move(*result);
        if (result.error().is_exception()) result.error().rethrow();
    } catch (std::system_error const& no_thread) {
        return std::unexpected(tls_config_error{no_thread.code(), "no thread to read the files on"});
    }
    return std::unexpected(
        tls_config_error{std::make_error_code(std::errc::operation_canceled), "the runtime is shutting down"});
}

}  // namespace

std::expected<tls_client_config, tls_config_error> tls_client_config::make(tls_client_options const& options) {
    auto made = make_off_worker(options, &detail::tls_context::for_clients);
    if (!made) return std::unexpected(std::move(made.error()));
    return tls_client_config(std::move(*made));
}

std::expected<tls_client_config, tls_config_error> tls_client_config::defaults() {
    struct shared {
        mutex guard;
        std::expected<tls_client_config, tls_config_error> made = std::unexpected(tls_config_error{});
    };
    static auto& one = *new shared;  // never destroyed: fibers may use it until the very end
    std::lock_guard const held(one.guard);
    if (!one.made) one.made = make({});  // after a failure the next caller tries again
    return one.made;
}

std::expected<tls_server_config, tls_config_error> tls_server_config::make(tls_server_options const& options) {
    auto made = make_off_worker(options, &detail::tls_context::for_servers);
    if (!made) return std::unexpected(std::move(made.error()));
    return tls_server_config(std::move(*made));
}

}  // namespace ramie
