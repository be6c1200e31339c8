// TLS with other programs: openssl s_client and s_server, curl. Each is run unmodified, on the loopback.
#include "programs.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

using namespace ramie::testing;
using ramie::pem;
using ramie::tls_client_config;
using ramie::tls_errc;
using ramie::tls_server_config;
using ramie::tls_stream;

namespace {

// openssl s_server, on a port of its choice, for a number of connections.
class openssl_server {
  public:
    openssl_server(certificate_files const& files, int connections, std::string const& more)
        : input_(files.path("input")),
          command_("[ -p " + input_ + " ] || mkfifo " + input_ +
                   "; timeout 20 sh -c 'echo pid $$; exec openssl s_server" + " -accept 127.0.0.1:0 -naccept " +
                   std::to_string(connections) + " -cert " + files.path("chain.pem") + " -key " +
                   files.path("key.pem") + ' ' + more + " 0<>" + input_ + "'") {
        auto const said = command_.read_until("ACCEPT");
        auto const pid = said.find("pid "), port = said.rfind(':');
        REQUIRE_MESSAGE((pid != said.npos && port != said.npos), said);
        pid_ = std::atoi(said.c_str() + pid + 4);
        port_ = static_cast<std::uint16_t>(std::atoi(said.c_str() + port + 1));
    }
    std::uint16_t port() const { return port_; }
    std::string rest() { return command_.rest(); }
    // Types a line at its terminal.
    void type(std::string const& line) { std::ofstream(input_) << line << std::endl; }
    void kill() { REQUIRE(::kill(pid_, SIGKILL) == 0); }

  private:
    std::string input_;
    command command_;
    pid_t pid_ = 0;
    std::uint16_t port_ = 0;
};

}  // namespace

TEST_CASE("tls foreign: openssl s_client talks to us, in TLS 1.3 and 1.2, and no older") {
    ramie::run({.workers = 2}, [] {
        certificate_files const files;
        auto listener = ramie::tls_listener::bind("127.0.0.1", 0, server_config()).value();
        for (std::string const version :
             {"-tls1_3", "-tls1_2", "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"}) {
            auto client = start("(echo hello; sleep 0.2) | " +
                                openssl_client(listener.local_port(), files, "-ign_eof " + version));
            auto const error = serve_one(listener);
            CHECK(error.message() == std::error_code().message());
            auto const end = client.get();
            CHECK(has(end.output, "Verify return code: 0 (ok)"));
            CHECK(has(end.output, "HELLO"));
        }
        auto old =
            start("echo hello | " + openssl_client(listener.local_port(), files, "-tls1_1 -cipher DEFAULT@SECLEVEL=0"));
        CHECK(serve_one(listener).category() == ramie::openssl_category());
        CHECK_FALSE(old.get().good);

        auto const modern =
            tls_server_config::make({.identity = files.server(), .min_version = ramie::tls_version::tls_1_3}).value();
        auto newest = ramie::tls_listener::bind("127.0.0.1", 0, modern).value();
        auto last_year = start("echo hello | " + openssl_client(newest.local_port(), files, "-tls1_2"));
        CHECK(serve_one(newest).message() == "unsupported protocol");
        CHECK_FALSE(last_year.get().good);
    });
}

TEST_CASE("tls foreign: openssl s_client asks for new keys, and may not renegotiate") {
    ramie::run({.workers = 2}, [] {
        certificate_files const files;
        auto listener = ramie::tls_listener::bind("127.0.0.1", 0, server_config()).value();
        auto keys = start("(sleep 0.3; echo K; sleep 0.2; echo k; sleep 0.2; echo hello; sleep 0.3) | " +
                          openssl_client(listener.local_port(), files, "-tls1_3"));
        CHECK(serve_one(listener).message() == std::error_code().message());
        auto const keyed = keys.get().output;
        CHECK(has(keyed, "KEYUPDATE"));
        CHECK(has(keyed, "HELLO"));

        auto renegotiation = start("(sleep 0.3; echo R; sleep 0.5; echo hello; sleep 0.3) | " +
                                   openssl_client(listener.local_port(), files, "-tls1_2"));
        (void)serve_one(listener);
        auto const refused = renegotiation.get().output;
        CHECK(has(refused, "RENEGOTIATING"));
        CHECK(has(refused, "no renegotiation"));
    });
}

TEST_CASE("tls foreign: openssl s_client shows its certificate, resumes its session, agrees on a protocol") {
    ramie::run({.workers = 2}, [] {
        certificate_files const files;
        auto const config = tls_server_config::make({.identity = files.server(),
                                                     .clients = ramie::tls_client_certificates::required,
                                                     .trusted = pem::file(files.path("ca.pem")),
                                                     .alpn = {"h2", "http/1.1"}})
                                .value();
        auto listener = ramie::tls_listener::bind("127.0.0.1", 0, config).value();
        auto const as_alice =
            "-ign_eof -alpn http/1.1 -cert " + files.path("alice.pem") + " -key " + files.path("alice.key");
        auto const session = files.path("session");
        auto first = start("(echo hello; sleep 0.2) | " +
                           openssl_client(listener.local_port(), files, as_alice + " -sess_out " + session));
        CHECK(serve_one(listener).message() == std::error_code().message());
        auto const full = first.get().output;
        CHECK(has(full, "HELLO"));
        CHECK(has(full, "ALPN protocol: http/1.1"));
        CHECK(has(full, "New, TLSv1.3"));

        auto second = start("(echo hello; sleep 0.2) | " +
                            openssl_client(listener.local_port(), files, as_alice + " -sess_in " + session));
        CHECK(serve_one(listener).message() == std::error_code().message());
        CHECK(has(second.get().output, "Reused, TLSv1.3"));

        auto nobody = start("echo hello | " + openssl_client(listener.local_port(), files, "-ign_eof"));
        CHECK(serve_one(listener) == tls_errc::no_certificate);
        CHECK(has(nobody.get().output, "alert"));
    });
}

TEST_CASE("tls foreign: we talk to openssl s_server, in either version, with a certificate, and resume") {
    ramie::run({.workers = 2}, [] {
        certificate_files const files;
        auto const page = [](std::uint16_t port, tls_client_config const& config) {
            auto s = soon([&] { return tls_stream::connect("localhost", port, config); }).value();
            CHECK(s.write_all("GET / HTTP/1.0\r\n\r\n").has_value());
            std::string all;
            std::array<char, 4096> part;
            for (;;) {
                auto const got = soon([&] { return s.read(part); });
                if (!got || *got == 0)
                    return all + (got ? "" : got.error().message()) + (s.resumed() ? " resumed" : "");
                all.append(part.data(), *got);
            }
        };
        for (std::string const version : {"-tls1_3", "-tls1_2"}) {
            openssl_server server(
                files, 2, "-www -Verify 1 -verify_return_error -CAfile " + files.path("ca.pem") + ' ' + version);
            auto const config =
                tls_client_config::make({.trusted = pem::file(files.path("ca.pem")),
                                         .identity = ramie::tls_identity{pem::file(files.path("alice.pem")),
                                                                         pem::file(files.path("alice.key"))}})
                    .value();
            auto const first = page(server.port(), config);
            CHECK(has(first, version == "-tls1_3" ? "TLSv1.3" : "TLSv1.2"));
            CHECK(has(first, "CN=alice"));
            CHECK_FALSE(has(first, " resumed"));
            CHECK_FALSE(has(first, make_error_code(tls_errc::truncated).message()));  // it announces the end
            CHECK(has(page(server.port(), config), " resumed"));
        }
    });
}

TEST_CASE("tls foreign: an openssl s_server that is killed, or told to quit, leaves a truncated stream") {
    ramie::run({.workers = 2}, [] {
        certificate_files const files;
        for (bool const is_killed : {true, false}) {
            openssl_server server(files, 1, "");
            auto s = soon([&] { return tls_stream::connect("localhost", server.port(), client_config()); });
            REQUIRE_MESSAGE(s.has_value(), s.error().message());
            server.type("hello");
            char b[64];
            CHECK(soon([&] { return s->read(b); }).value() == 6);  // so it has read all our bytes
            is_killed ? server.kill() : server.type("Q");
            CHECK(error_in(soon([&] { return s->read(b); })) == tls_errc::truncated);
        }
    });
}

TEST_CASE("tls foreign: a server that wants to renegotiate is refused") {
    ramie::run({.workers = 2}, [] {
        certificate_files const files;
        openssl_server server(files, 1, "-tls1_2");
        auto s = soon([&] { return tls_stream::connect("localhost", server.port(), client_config()); }).value();
        server.type("r");
        auto reader = ramie::spawn([&] {
            char b[64];
            return s.read(b).has_value();
        });
        CHECK(has(ramie::spawn_blocking([&] { return server.rest(); }).get(), "no renegotiation"));
        s.close();
        (void)reader.get();
    });
}

TEST_CASE("tls foreign: curl fetches a page from us, and refuses us without our authority") {
    ramie::run({.workers = 2}, [] {
        certificate_files const files;
        auto const config = tls_server_config::make({.identity = files.server(), .alpn = {"http/1.1"}}).value();
        auto listener = ramie::tls_listener::bind("127.0.0.1", 0, config).value();
        std::string const body(300'000, 'b');
        auto server = ramie::spawn([&] {
            for (auto each = listener.accept(); each; each = listener.accept()) {
                std::string request(4096, '\0');
                auto const got = each->read(request);
                if (!got) continue;  // the client refused us
                (void)each->write_all("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body);
                (void)each->shutdown();
            }
        });
        auto const url = " https://localhost:" + std::to_string(listener.local_port()) + "/ ";
        auto const fetched = start("curl -sS --max-time 20 --cacert " + files.path("ca.pem") + url).get();
        CHECK(fetched.good);
        CHECK(fetched.output == body);
        auto const refused = start("curl -sS --max-time 20" + url).get();
        CHECK_FALSE(refused.good);
        CHECK(has(refused.output, "certificate"));
        listener.close();
        server.get();
    });
}
