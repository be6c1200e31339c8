// MariaDB's client library.
#include "library_run.hpp"

#include <mysql.h>

#include <cstring>

namespace {

constexpr std::size_t connections = 50;

std::vector<std::string> mariadbd(std::uint16_t port, real_server::folder const& home) {
    bool const is_root = ::geteuid() == 0;
    std::vector<std::string> install{real_server::find_program("mariadb-install-db"), "--no-defaults", "--datadir=" + home.path("db"),
                                     "--auth-root-authentication-method=normal", "--skip-test-db"};
    std::vector<std::string> serve{real_server::find_program("mariadbd"), "--no-defaults", "--datadir=" + home.path("db"),
                                   "--socket=" + home.path("socket"), "--port=" + std::to_string(port),
                                   "--bind-address=127.0.0.1", "--max-connections=500", "--pid-file=" + home.path("pid")};
    if (is_root) {
        install.push_back("--user=root");
        serve.push_back("--user=root");
    }
    library_run::run_first(home, install);
    return serve;
}

bool answers(MYSQL* m, char const* query, char const* expected) {
    if (::mysql_query(m, query) != 0) return library_run::complain(query, ::mysql_error(m));
    std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> const rows(::mysql_store_result(m), ::mysql_free_result);
    auto* const first = rows == nullptr ? nullptr : ::mysql_fetch_row(rows.get());
    return first != nullptr && std::strcmp(first[0], expected) == 0;
}

}  // namespace

int main() {
    return library_run::main({"mariadbd", "mariadb-install-db"}, [] {
        library_run::server const there(mariadbd);
        auto const closed = [](MYSQL* m) { ::mysql_close(m); };
        if (::mysql_library_init(0, nullptr, nullptr) != 0) return false;
        bool const good = ramie::run_as_threads({.workers = 2}, [&] {
            std::vector<std::unique_ptr<MYSQL, decltype(closed)>> to(connections);
            return library_run::round("connections", connections,
                                      [&](std::size_t i) {
                                          to[i].reset(::mysql_init(nullptr));
                                          if (::mysql_real_connect(to[i].get(), "127.0.0.1", "root", "", nullptr,
                                                                   static_cast<unsigned>(there.port()), nullptr, 0) == nullptr)
                                              return library_run::complain("connect", ::mysql_error(to[i].get()));
                                          return true;
                                      }) &&
                   library_run::round("select sleep(0.5)", connections,
                                      [&](std::size_t i) { return answers(to[i].get(), "select sleep(0.5)", "0"); }) &&
                   library_run::round("select 6 * 7", connections,
                                      [&](std::size_t i) { return answers(to[i].get(), "select 6 * 7", "42"); });
        });
        ::mysql_library_end();
        return good;
    });
}
