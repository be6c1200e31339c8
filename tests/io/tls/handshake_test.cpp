// TLS handshakes: how peers are checked, what is agreed on, and which peers are refused.
#include "peers.hpp"

#include <string>

using namespace ramie::testing;
using ramie::pem;
using ramie::tls_client_config;
using ramie::tls_errc;
using ramie::tls_server_config;
using ramie::tls_stream;

namespace {

tls_server_config server_with(certified const& identity, std::string const& between = {}) {
    return tls_server_config::make({.identity = identity.identity(between)}).value();
}

// The error that a client with trust in the authority gets from a server.
std::error_code verdict(tls_server_config const& server, std::string_view host = "localhost",
                        tls_client_config const& client = client_config()) {
    auto p = tls_strangers(client, server, host);
    auto const ends = shake_hands(p);
    CHECK(bool(ends.server) == (bool(ends.client)));
    return ends.client;
}

tls_client_config client_with(ramie::tls_client_options options) {
    if (!options.trusted) options.trusted = pem::text(authority().certificate());
    return tls_client_config::make(options).value();
}

}  // namespace

TEST_CASE("tls handshake: a server is believed for its names and addresses only") {
    on_each_runtime([] {
        CHECK(verdict(server_config()) == std::error_code());
        CHECK(verdict(server_config(), "127.0.0.1") == std::error_code());
        CHECK(verdict(server_config(), "127.0.0.2") == tls_errc::wrong_host);
        CHECK(verdict(server_config(), "example.org") == tls_errc::wrong_host);
    });
}

TEST_CASE("tls handshake: certificates that are refused, by kind") {
    ramie::run([] {
        CHECK(verdict(server_with(authority().issue({.until = -1min}))) == tls_errc::certificate_expired);
        CHECK(verdict(server_with(authority().issue({.from = 1h, .until = 2h}))) ==
              tls_errc::certificate_not_yet_valid);
        CHECK(verdict(server_with(make_self_signed())) == tls_errc::self_signed);
        CHECK(verdict(server_with(make_authority("somebody else").issue())) == tls_errc::unknown_issuer);
        for (auto const e : {tls_errc::truncated, tls_errc::certificate_expired, tls_errc::certificate_not_yet_valid,
                             tls_errc::certificate_revoked, tls_errc::wrong_host, tls_errc::self_signed,
                             tls_errc::unknown_issuer, tls_errc::no_certificate, tls_errc::revocation_unknown})
            CHECK(make_error_code(e).message() != "unknown TLS error");
    });
}

TEST_CASE("tls handshake: any other fault of a certificate is told in OpenSSL's words") {
    ramie::run([] {
        auto const as_authority = certified({}, true, &authority());  // must not stand for a host whose name it lacks
        CHECK(verdict(server_with(as_authority)) == tls_errc::wrong_host);
        // A leaf that issues a certificate for another host.
        auto const leaf = authority().issue({.subject = "no authority"});
        auto const error = verdict(server_with(leaf.issue(), leaf.certificate()));
        CHECK(error.category() == ramie::tls_category());
        CHECK(error.message().starts_with("the peer's certificate: "));
    });
}

TEST_CASE("tls handshake: a chain over an intermediate authority is sent along, and needed") {
    ramie::run([] {
        auto const between = authority().issue_authority("between");
        CHECK(verdict(server_with(between.issue(), between.certificate())) == std::error_code());
        CHECK(verdict(server_with(between.issue())) == tls_errc::unknown_issuer);
        // A client that trusts the one between needs no root.
        auto const trusts_it = client_with({.trusted = pem::text(between.certificate())});
        CHECK(verdict(server_with(between.issue()), "localhost", trusts_it) == std::error_code());
    });
}

TEST_CASE("tls handshake: revoked, if a list is given that says so") {
    ramie::run([] {
        auto const bad = authority().issue({.subject = "bad"});
        auto const heeds = client_with({.revoked = pem::text(authority().revocation_of(bad))});
        CHECK(verdict(server_with(bad), "localhost", heeds) == tls_errc::certificate_revoked);
        CHECK(verdict(server_config(), "localhost", heeds) == std::error_code());
        CHECK(verdict(server_with(bad)) == std::error_code());  // without a list the client does not know
        auto const stale = client_with({.revoked = pem::text(authority().revocation_of(bad, -1min))});
        CHECK(verdict(server_config(), "localhost", stale) == tls_errc::revocation_unknown);
    });
}

TEST_CASE("tls handshake: without verification every server will do") {
    ramie::run([] {
        auto const trusting = client_with({.verify = false});
        CHECK(verdict(server_with(make_self_signed()), "example.org", trusting) == std::error_code());
    });
}

TEST_CASE("tls handshake: the system's store does not know the test's authority") {
    ramie::run([] {
        auto const config = tls_client_config::defaults();
        REQUIRE(config.has_value());
        CHECK(verdict(server_config(), "localhost", *config) == tls_errc::unknown_issuer);
        auto listener = ramie::tls_listener::bind("localhost", 0, server_config()).value();
        auto peer = ramie::spawn([&] {
            for (auto each = listener.accept(); each; each = listener.accept()) (void)each->handshake();
        });
        CHECK(error_in(tls_stream::connect("localhost", listener.local_port())) == tls_errc::unknown_issuer);
        CHECK(tls_stream::connect("localhost", listener.local_port(), trusting_options()).has_value());
        listener.close();
        peer.get();
    });
}

TEST_CASE("tls handshake: clients show certificates where they are asked to") {
    ramie::run([] {
        auto const server = [](ramie::tls_client_certificates how) {
            return tls_server_config::make({.identity = server_identity().identity(),
                                            .clients = how,
                                            .trusted = pem::text(authority().certificate())})
                .value();
        };
        auto const required = server(ramie::tls_client_certificates::required);
        auto const optional = server(ramie::tls_client_certificates::optional);
        auto const alice = client_with({.identity = authority().issue({.subject = "alice"}).identity()});
        auto const mallory = client_with({.identity = make_authority("m").issue({.subject = "alice"}).identity()});

        auto known = tls_strangers(alice, required);
        CHECK(!shake_hands(known).server);
        CHECK(known.server.peer_subject() == "CN=alice");
        CHECK(known.server.peer_certificate().starts_with("-----BEGIN CERTIFICATE-----"));
        CHECK(known.client.peer_subject() == "CN=server");

        auto unknown = tls_strangers(client_config(), required);
        CHECK(shake_hands(unknown).server == tls_errc::no_certificate);
        // In TLS 1.3 the client has long gone on when the server refuses: its first read tells it.
        char b[1];
        auto const told = error_in(soon([&] { return unknown.client.read(b); }));
        CHECK(told.message() == "the peer gave up: tlsv13 alert certificate required");

        auto forged = tls_strangers(mallory, optional);
        CHECK(shake_hands(forged).server == tls_errc::unknown_issuer);

        auto anonymous = tls_strangers(client_config(), optional);
        CHECK(!shake_hands(anonymous).server);
        CHECK(anonymous.server.peer_subject() == "");
        CHECK(anonymous.server.peer_certificate() == "");
    });
}

TEST_CASE("tls handshake: the server's best protocol that the client knows is spoken, or none at all") {
    ramie::run([] {
        auto const server =
            tls_server_config::make({.identity = server_identity().identity(), .alpn = {"h2", "http/1.1"}});
        auto both = tls_strangers(client_with({.alpn = {"http/1.1", "h2"}}), *server);
        CHECK(!shake_hands(both).client);
        CHECK(both.client.alpn() == "h2");
        CHECK(both.server.alpn() == "h2");

        auto none = tls_strangers(client_config(), *server);
        CHECK(!shake_hands(none).client);
        CHECK(none.server.alpn() == "");

        auto other = tls_strangers(client_with({.alpn = {"smtp"}}), *server);
        auto const ends = shake_hands(other);
        CHECK(ends.client.message() == "the peer gave up: tlsv1 alert no application protocol");
        CHECK(ends.server.category() == ramie::openssl_category());

        auto unheard = tls_strangers(client_with({.alpn = {"smtp"}}));  // this server ignores that
        CHECK(!shake_hands(unheard).client);
        CHECK(unheard.client.alpn() == "");
    });
}

TEST_CASE("tls handshake: versions below the least are refused") {
    ramie::run([] {
        auto const modern = tls_server_config::make(
            {.identity = server_identity().identity(), .min_version = ramie::tls_version::tls_1_3});
        CHECK(verdict(*modern) == std::error_code());
        auto p = tls_strangers(client_with({.min_version = ramie::tls_version::tls_1_3}));
        CHECK(!shake_hands(p).client);
        CHECK(p.client.version() == "TLSv1.3");
    });
}

TEST_CASE("tls handshake: a peer that does not speak TLS is refused") {
    on_each_runtime([] {
        raw_pair raw;
        raw.peer.send("GET / HTTP/1.1\r\n\r\n");
        auto server = tls_stream::server(std::move(raw.stream), server_config()).value();
        auto const error = error_in(soon([&] { return server.handshake(); }));
        CHECK(error.message() == "http request");
        CHECK(error_in(server.handshake()) == error);
        char b[1];
        CHECK(error_in(server.read(b)) == error);
    });
}

TEST_CASE("tls handshake: a peer that goes in the middle is truncated") {
    on_each_runtime([] {
        raw_pair raw;
        auto server = tls_stream::server(std::move(raw.stream), server_config()).value();
        raw.peer.close();
        CHECK(error_in(soon([&] { return server.handshake(); })) == tls_errc::truncated);
    });
}

TEST_CASE("tls handshake: a session is taken up again, by the same host and port only, and not with another config") {
    ramie::run([] {
        auto listener = ramie::tls_listener::bind("127.0.0.1", 0, server_config()).value();
        auto other = ramie::tls_listener::bind("127.0.0.1", 0, server_config()).value();
        auto const greet = [](ramie::tls_listener& l) {
            for (auto each = l.accept(); each; each = l.accept()) (void)each->write_all("hello");
        };
        auto one = ramie::spawn([&] { greet(listener); });
        auto two = ramie::spawn([&] { greet(other); });
        auto const resumes = [](ramie::tls_listener& l, tls_client_config const& c) {
            auto s = tls_stream::connect("localhost", l.local_port(), c).value();
            text_from(s);  // the session comes with it
            return s.resumed();
        };
        auto const config = client_with({});
        CHECK_FALSE(resumes(listener, config));
        CHECK(resumes(listener, config));
        CHECK(resumes(listener, config));
        CHECK_FALSE(resumes(other, config));
        CHECK_FALSE(resumes(listener, client_with({})));
        auto const forgetful = client_with({.resume = false});
        CHECK_FALSE(resumes(listener, forgetful));
        CHECK_FALSE(resumes(listener, forgetful));
        listener.close();
        other.close();
        one.get();
        two.get();
    });
}

TEST_CASE("tls handshake: a host that cannot be one is refused at once") {
    ramie::run([] {
        for (auto const host : {std::string_view(""), std::string_view("a\0b", 3), std::string_view("x.y", 3)}) {
            auto [here, there] = connect_pair();
            auto const made = tls_stream::client(std::move(here), host, client_config());
            CHECK(made.has_value() == (host == "x.y"));
            if (!made) CHECK(made.error() == std::errc::invalid_argument);
        }
    });
}

TEST_CASE("tls config: what is wrong is named") {
    on_each_runtime([] {
        auto const identity = server_identity().identity();
        auto const complaint = [](ramie::tls_server_options const& o) {
            auto const made = tls_server_config::make(o);
            return made ? "nothing" : made.error().message();
        };
        auto const client_complaint = [](ramie::tls_client_options const& o) {
            auto const made = tls_client_config::make(o);
            return made ? "nothing" : made.error().message();
        };
        CHECK(complaint({.identity = {pem::file("/nowhere/chain.pem"), identity.key}}) ==
              "identity.certificates: /nowhere/chain.pem: No such file or directory");
        CHECK(complaint({.identity = {pem::file("/"), identity.key}}) == "identity.certificates: /: Is a directory");
        CHECK(complaint({.identity = {pem::text("rubbish"), identity.key}}) == "identity.certificates: no start line");
        CHECK(complaint({.identity = {identity.certificates, pem::text("")}}).starts_with("identity.key: "));
        CHECK(complaint({.identity = {identity.certificates, pem::text(authority().key())}}) ==
              "identity.key: key values mismatch");
        CHECK(complaint({.identity = identity, .clients = ramie::tls_client_certificates::required})
                  .starts_with("trusted: "));
        CHECK(complaint({.identity = identity, .alpn = {"h2", ""}}) ==
              "alpn: a protocol's name has 1 to 255 bytes: Invalid argument");
        CHECK(complaint({.identity = identity, .handshake_timeout = -1s}).starts_with("handshake_timeout "));
        auto const another = authority().issue().identity();
        CHECK(complaint({.identity = identity, .more_identities = {another, {another.certificates, identity.key}}}) ==
              "more_identities[1].key: key values mismatch");
        CHECK(complaint({.identity = identity, .more_identities = {another}}) == "nothing");
        CHECK(complaint({.identity = identity}) == "nothing");
        CHECK(client_complaint({.trusted = pem::text("rubbish")}) == "trusted: no start line");
        CHECK(client_complaint({.revoked = pem::text("rubbish")}) == "revoked: no start line");
        CHECK(client_complaint({}) == "nothing");
    });
}

TEST_CASE("tls config: an encrypted key needs its password, and the terminal is not asked") {
    ramie::run([] {
        auto const chain = pem::text(server_identity().certificate());
        auto const key = pem::text(server_identity().key("open sesame"));
        CHECK(tls_server_config::make({.identity = {chain, key, "open sesame"}}).has_value());
        CHECK_FALSE(tls_server_config::make({.identity = {chain, key, "open barley"}}).has_value());
        CHECK_FALSE(tls_server_config::make({.identity = {chain, key}}).has_value());
    });
}
