#include <ramie/tls_config.hpp>

#include "tls_context.hpp"

#include <ramie/detail/waiter.hpp>
#include <ramie/mutex.hpp>
#include <ramie/spawn_blocking.hpp>

#include <mutex>

namespace ramie {

namespace {

// Files and a large trust store: some 30 ms of a thread's time. The job owns all it needs, so it may outlive an abort.
template <class Options>
detail::tls_context::made make_off_worker(Options const& options, detail::tls_context::made (*make)(Options const&)) {
    auto& self = detail::waiter::enter();
    if (!self.is_fiber()) return make(options);
    auto job = spawn_blocking([options, make] { return make(options); });
    auto result = job.join();
    if (result) return std::move(*result);
    if (result.error().is_exception()) result.error().rethrow();
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
    if (!one.made) one.made = make({});  // after a failure the next one tries again
    return one.made;
}

std::expected<tls_server_config, tls_config_error> tls_server_config::make(tls_server_options const& options) {
    auto made = make_off_worker(options, &detail::tls_context::for_servers);
    if (!made) return std::unexpected(std::move(made.error()));
    return tls_server_config(std::move(*made));
}

}  // namespace ramie
