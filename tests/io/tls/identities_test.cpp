// A TLS server with several names: which certificate it shows to which client.
#include "programs.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace ramie::testing;
using ramie::pem;
using ramie::tls_client_config;
using ramie::tls_server_config;

namespace {

certified named(std::string subject, std::string hosts) {
    return authority().issue({.subject = std::move(subject), .names = std::move(hosts)});
}

// Each identity in `more` is named by its subject.
tls_server_config server_of(std::vector<ramie::tls_identity> more) {
    return tls_server_config::make({.identity = server_identity().identity(), .more_identities = std::move(more)})
        .value();
}
tls_server_config two_houses() {
    return server_of({named("first", "DNS:localhost,DNS:example.org,DNS:www.example.org").identity(),
                      named("second", "DNS:*.example.org,DNS:example.net").identity()});
}

tls_client_config client_that(bool verifies) {
    auto options = trusting_options();
    options.verify = verifies;
    return tls_client_config::make(options).value();
}

// The subject that a client is shown that asks for the host, and accepts it, or accepts every certificate.
std::string shown(tls_server_config const& server, std::string const& host,
                  tls_client_config const& client = client_config()) {
    auto p = tls_strangers(client, server, host);
    auto const ends = shake_hands(p);
    return ends.client ? ends.client.message() : p.client.peer_subject();
}

}  // namespace

TEST_CASE("tls identities: a client that asks for a host is shown the first certificate that is good for it") {
    on_each_runtime([] {
        auto const server = two_houses();
        CHECK(shown(server, "localhost") == "CN=server");
        CHECK(shown(server, "example.org") == "CN=first");
        CHECK(shown(server, "www.example.org") == "CN=first");
        CHECK(shown(server, "WWW.Example.org") == "CN=first");
        CHECK(shown(server, "mail.example.org") == "CN=second");
        CHECK(shown(server, "example.net") == "CN=second");
    });
}

TEST_CASE("tls identities: an unknown host, or none, is shown the server's own") {
    ramie::run([] {
        auto const server = two_houses();
        auto const anybody = client_that(false);
        CHECK(shown(server, "example.com", anybody) == "CN=server");
        CHECK(shown(server, "a.b.example.org", anybody) == "CN=server");  // a star is one label
        CHECK(shown(server, "127.0.0.1", anybody) == "CN=server");        // an address is not sent along as a name
        CHECK(shown(server, "example.com") == make_error_code(ramie::tls_errc::wrong_host).message());
    });
}

TEST_CASE("tls identities: another kind of key than the server's own, with its chain") {
    ramie::run([] {
        auto const between = authority().issue_authority("between");
        auto const rsa = between.issue({.subject = "rsa", .names = "DNS:example.org", .rsa = true});
        // Clients prefer elliptic curves, and the server's own key is one.
        CHECK(shown(server_of({rsa.identity(between.certificate())}), "example.org") == "CN=rsa");
    });
}

TEST_CASE("tls identities: a session is taken up again, host by host") {
    ramie::run([] {
        auto const server = two_houses();
        auto const client = client_that(true);
        for (std::string const host : {"example.org", "example.net"}) {
            for (bool const again : {false, true}) {
                auto p = tls_strangers(client, server, host);
                CHECK_FALSE(shake_hands(p).client);
                CHECK(p.client.resumed() == again);
                CHECK(p.server.server_name() == host);
                CHECK(p.client.peer_subject() == (host == "example.org" ? "CN=first" : "CN=second"));
                CHECK(p.server.write_all("x").has_value());  // the session comes with these bytes
                CHECK(text_from(p.client) == "x");
            }
        }
    });
}

TEST_CASE("tls identities: many at once, each for its own host") {
    ramie::run({.workers = 4}, [] {
        auto const server = two_houses();
        std::vector<ramie::join_handle<std::string>> all;
        for (int i = 0; i < 40; ++i)
            all.push_back(ramie::spawn([&, i] { return shown(server, i % 2 == 0 ? "example.org" : "example.net"); }));
        for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i].get() == (i % 2 == 0 ? "CN=first" : "CN=second"));
    });
}

TEST_CASE("tls identities: openssl s_client -servername, in either version") {
    ramie::run({.workers = 2}, [] {
        certificate_files const files;
        auto listener = ramie::tls_listener::bind("127.0.0.1", 0, two_houses()).value();
        auto const output = [&](std::string const& how) {
            auto client = start("(echo hello; sleep 0.2) | timeout 20 openssl s_client -ign_eof -connect 127.0.0.1:" +
                                std::to_string(listener.local_port()) + " -CAfile " + files.path("ca.pem") + ' ' + how);
            CHECK(serve_one(listener).message() == std::error_code().message());
            return client.get().output;
        };
        for (std::string const version : {" -tls1_3", " -tls1_2"}) {
            CHECK(has(output("-servername example.org -tlsextdebug" + version), "server extension \"server name\""));
            CHECK(has(output("-servername example.org" + version), "subject=CN = first\n"));
            CHECK(has(output("-servername mail.example.org" + version), "subject=CN = second\n"));
            CHECK(has(output("-servername unknown.example" + version), "subject=CN = server\n"));
            CHECK(has(output("-noservername" + version), "subject=CN = server\n"));
        }
    });
}
