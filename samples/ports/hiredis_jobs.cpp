// hiredis_jobs [COUNT]: that many fibers (200), each with a blocking hiredis connection, wait in BLPOP at a real Redis.
//
// hiredis is the Debian package as it is, and its calls block: half of the fibers wait for a value that another one
// pushes, the other half until BLPOP's own timeout.
#include "fan_out.hpp"
#include "real_server.hpp"

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string_view>

namespace {

struct closed_by_hiredis {
    void operator()(redisContext* c) const { ::redisFree(c); }
    void operator()(redisReply* r) const { ::freeReplyObject(r); }
};
using connection = std::unique_ptr<redisContext, closed_by_hiredis>;
using reply = std::unique_ptr<redisReply, closed_by_hiredis>;

class redis {
  public:
    redis() {
        auto const log = data_.path("log");
        server_ = std::make_unique<real_server::process>(
            std::vector<std::string>{real_server::find_program("redis-server"), "--port", std::to_string(port_),
                                     "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", data_.path()},
            log);
        real_server::wait_until_listening(*server_, port_, log);
    }
    std::uint16_t port() const { return port_; }

  private:
    real_server::folder const data_{};
    std::uint16_t const port_ = real_server::free_port();
    std::unique_ptr<real_server::process> server_;
};

template <class... Arguments>
reply command(connection const& c, char const* format, Arguments... arguments) {
    reply r(static_cast<redisReply*>(::redisCommand(c.get(), format, arguments...)));
    if (r == nullptr) std::fprintf(stderr, "%s: %s\n", format, c->errstr);
    return r;
}

int ask_all(std::uint16_t port, std::size_t count) {
    std::vector<connection> connections(count);
    auto const connected = fan_out(count, [&](std::size_t i) {
        timeval const patience{10, 0};
        connections[i].reset(::redisConnectWithTimeout("127.0.0.1", port, patience));
        if (connections[i] == nullptr || connections[i]->err != 0) return false;
        return ::redisSetTimeout(connections[i].get(), patience) == REDIS_OK;  // SO_RCVTIMEO and SO_SNDTIMEO
    });
    connected.print("connections");
    if (connected.good != count) return 1;

    auto const timed_out = fan_out(count, [&](std::size_t i) {
        auto const r = command(connections[i], "BLPOP nothing:%d 0.5", static_cast<int>(i));
        return r != nullptr && r->type == REDIS_REPLY_NIL;
    });
    timed_out.print("BLPOP until its timeout of 0.5 s");

    // The odd ones wait, without a timeout, for what the even ones push half a second later.
    auto const served = fan_out(count & ~std::size_t{1}, [&](std::size_t i) {
        if (i % 2 == 1) {
            auto const r = command(connections[i], "BLPOP list:%d 0", static_cast<int>(i));
            return r != nullptr && r->type == REDIS_REPLY_ARRAY && std::string_view(r->element[1]->str) == "here";
        }
        ramie::this_fiber::sleep_for(std::chrono::milliseconds(500));
        auto const r = command(connections[i], "LPUSH list:%d here", static_cast<int>(i) + 1);
        return r != nullptr && r->type == REDIS_REPLY_INTEGER;
    });
    served.print("BLPOP until LPUSH after 0.5 s");
    return timed_out.good == timed_out.jobs && served.good == served.jobs ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
    std::size_t const count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200;
    if (count < 2 || count > 1000 || argc > 2) {
        std::fprintf(stderr, "usage: %s [COUNT]   (2 to 1000; 200)\n", argv[0]);
        return 2;
    }
    if (real_server::find_program("redis-server").empty()) {
        std::fprintf(stderr, "there is no redis-server here: apt-get install redis-server\n");
        return 1;
    }
    redis const server;
    return ramie::run_as_threads({.workers = 2}, [&] { return ask_all(server.port(), count); });
} catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
