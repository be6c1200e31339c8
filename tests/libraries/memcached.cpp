// libmemcached.
#include "library_run.hpp"

#include <libmemcached/memcached.h>

namespace {

constexpr std::size_t clients = 50, values = 200;

std::vector<std::string> memcached_server(std::uint16_t port, real_server::folder const&) {
    std::vector<std::string> command{real_server::find_program("memcached"), "-l", "127.0.0.1", "-p", std::to_string(port), "-U", "0"};
    if (::geteuid() == 0) command.insert(command.end(), {"-u", "root"});
    return command;
}

bool sets_and_gets(std::string const& where, std::size_t i) {
    std::unique_ptr<memcached_st, void (*)(memcached_st*)> const m(::memcached(where.data(), where.size()), ::memcached_free);
    if (m == nullptr) return library_run::complain("memcached", "no client");
    for (std::size_t v = 0; v < values; ++v) {
        auto const key = "key" + std::to_string(i) + '.' + std::to_string(v), value = std::string(100 + v, 'v');
        auto const kept = ::memcached_set(m.get(), key.data(), key.size(), value.data(), value.size(), 0, 0);
        if (kept != MEMCACHED_SUCCESS) return library_run::complain("memcached_set", ::memcached_strerror(m.get(), kept));
        std::size_t size = 0;
        std::uint32_t flags = 0;
        memcached_return_t why = MEMCACHED_SUCCESS;
        std::unique_ptr<char, void (*)(void*)> const got(
            ::memcached_get(m.get(), key.data(), key.size(), &size, &flags, &why), std::free);
        if (got == nullptr) return library_run::complain("memcached_get", ::memcached_strerror(m.get(), why));
        if (std::string_view(got.get(), size) != value) return library_run::complain("memcached_get", "another value");
    }
    return true;
}

}  // namespace

int main() {
    return library_run::main({"memcached"}, [] {
        library_run::server const there(memcached_server);
        auto const where = "--SERVER=127.0.0.1:" + std::to_string(there.port());
        return ramie::run_as_threads({.workers = 2}, [&] {
            return library_run::round("200 values each", clients, [&](std::size_t i) { return sets_and_gets(where, i); });
        });
    });
}
