// libpq_jobs [COUNT]: that many fibers (200), each with a blocking libpq connection of its own, ask a real PostgreSQL.
//
// libpq is the Debian package as it is: PQconnectdb and PQexec block. With libramie-hook in the process they park their
// fiber instead, so two workers wait for all answers at once.
#include "fan_out.hpp"
#include "real_server.hpp"

#include <libpq-fe.h>

#include <cstdlib>
#include <exception>
#include <memory>
#include <string_view>

namespace {

struct closed_by_libpq {
    void operator()(PGconn* c) const { ::PQfinish(c); }
    void operator()(PGresult* r) const { ::PQclear(r); }
};
using connection = std::unique_ptr<PGconn, closed_by_libpq>;
using result = std::unique_ptr<PGresult, closed_by_libpq>;

// One database cluster, for connections from this machine.
class postgres {
  public:
    explicit postgres(std::size_t connections) {
        auto const log = data_.path("log");
        real_server::process init({real_server::find_program("initdb"), "-D", data_.path("db"), "-A", "trust", "-U",
                                   "sample", "--no-sync", "--no-instructions"},
                                  log, who_);
        if (init.wait() != 0) throw std::runtime_error("initdb failed:\n" + real_server::content_of(log));
        server_ = std::make_unique<real_server::process>(
            std::vector<std::string>{
                real_server::find_program("postgres"), "-D", data_.path("db"), "-p", std::to_string(port_), "-c",
                "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + data_.path(), "-c",
                "max_connections=" + std::to_string(connections + 10), "-c", "fsync=off", "-c", "shared_buffers=16MB"},
            log, who_);
        // It listens some time before it takes questions.
        real_server::wait_until_listening(*server_, port_, log);
        for (int i = 0; i < 3000 && ::PQping(address().c_str()) != PQPING_OK; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ~postgres() { server_->stop(SIGQUIT); }  // nothing in there is to be kept

    std::string address() const {
        return "hostaddr=127.0.0.1 port=" + std::to_string(port_) + " user=sample dbname=postgres sslmode=disable";
    }

  private:
    real_server::user const who_ = real_server::user::for_postgres();
    real_server::folder const data_{who_};
    std::uint16_t const port_ = real_server::free_port();
    std::unique_ptr<real_server::process> server_;
};

bool ask(PGconn* c, char const* question, std::string_view answer) {
    result const r(::PQexec(c, question));
    if (::PQresultStatus(r.get()) == PGRES_TUPLES_OK && ::PQgetvalue(r.get(), 0, 0) == answer) return true;
    std::fprintf(stderr, "%s: %s", question, ::PQerrorMessage(c));
    return false;
}

int ask_all(std::string const& address, std::size_t count) {
    std::vector<connection> connections(count);
    auto const connected = fan_out(count, [&](std::size_t i) {
        connections[i].reset(::PQconnectdb(address.c_str()));
        if (::PQstatus(connections[i].get()) == CONNECTION_OK) return true;
        std::fprintf(stderr, "%s", ::PQerrorMessage(connections[i].get()));
        return false;
    });
    connected.print("connections");
    auto const slept =
        fan_out(count, [&](std::size_t i) { return ask(connections[i].get(), "select pg_sleep(0.5)", ""); });
    slept.print("select pg_sleep(0.5)");
    auto const counted = fan_out(count, [&](std::size_t i) {
        return ask(connections[i].get(), "select sum(n) from generate_series(1, 1000) n", "500500");
    });
    counted.print("select sum(n)");
    return connected.good == count && slept.good == count && counted.good == count ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
    std::size_t const count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200;
    if (count < 1 || count > 1000 || argc > 2) {
        std::fprintf(stderr, "usage: %s [COUNT]   (1 to 1000; 200)\n", argv[0]);
        return 2;
    }
    if (real_server::find_program("postgres").empty()) {
        std::fprintf(stderr, "there is no postgres here: apt-get install postgresql\n");
        return 1;
    }
    postgres const server(count);
    return ramie::run_as_threads({.workers = 2}, [&] { return ask_all(server.address(), count); });
} catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
