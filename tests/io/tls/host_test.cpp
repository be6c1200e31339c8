// Which hosts a server's certificate is good for (RFC 9525), kind by kind; and the verdicts of openssl s_client and
// curl.
#include "programs.hpp"
#include "tls/host.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace ramie::testing;
using ramie::tls_client_config;
using ramie::tls_errc;
using ramie::tls_server_config;
using ramie::tls_stream;
using ramie::detail::tls_host;

namespace {

enum class verdict { believed, wrong_host, no_host };

struct host_case {
    std::string what;
    std::string names;    // the certificate's, as OpenSSL's configuration files write them
    std::string subject;  // its CN
    std::string host;     // the host we ask for
    verdict ours;
    bool stricter = false;  // others may accept a certificate that we refuse
};

std::vector<host_case> const& host_cases() {
    using enum verdict;
    static std::vector<host_case> const all{
        {"the name itself", "DNS:example.test", "x", "example.test", believed},
        {"one of several names", "DNS:a.test,DNS:example.test", "x", "example.test", believed},
        {"capitals do not matter", "DNS:Example.TEST", "x", "eXample.test", believed},
        {"another name", "DNS:example.test", "x", "example.org", wrong_host},
        {"a name below", "DNS:example.test", "x", "www.example.test", wrong_host},
        {"a name above", "DNS:www.example.test", "x", "example.test", wrong_host},
        {"a name that ends alike", "DNS:example.test", "x", "myexample.test", wrong_host},
        {"a name of one label", "DNS:printer", "x", "printer", believed},
        {"an underscore", "DNS:my_host.example.test", "x", "my_host.example.test", believed},
        {"another script, as it is written for DNS", "DNS:xn--bcher-kva.test", "x", "xn--bcher-kva.test", believed},

        {"a dot at the end says that the name is complete", "DNS:example.test", "x", "example.test.", believed},
        {"a dot at the end, below a star", "DNS:*.example.test", "x", "www.example.test.", believed},
        {"a dot at the end of the certificate's name", "DNS:example.test.", "x", "example.test", wrong_host, true},
        {"two dots at the end", "DNS:example.test", "x", "example.test..", no_host},
        {"a dot alone", "DNS:example.test", "x", ".", no_host},
        {"a dot in front means any host to OpenSSL", "DNS:example.test", "x", ".test", no_host, true},
        {"a dot in front, above a star", "DNS:*.example.test", "x", ".example.test", no_host, true},
        {"a certificate with a dot in front", "DNS:.example.test", "x", "www.example.test", wrong_host},
        {"an empty label", "DNS:example..test", "x", "example..test", no_host, true},

        {"a star is one label", "DNS:*.example.test", "x", "www.example.test", believed},
        {"a star is not two labels", "DNS:*.example.test", "x", "a.b.example.test", wrong_host},
        {"a star is not no label", "DNS:*.example.test", "x", "example.test", wrong_host},
        {"a star is a whole label", "DNS:w*.example.test", "x", "www.example.test", wrong_host, true},
        {"a star is the first label", "DNS:www.*.test", "x", "www.example.test", wrong_host},
        {"a star below a top level", "DNS:*.test", "x", "example.test", wrong_host, true},
        {"a star alone", "DNS:*", "x", "printer", wrong_host},
        {"a star for a name of another script", "DNS:*.example.test", "x", "xn--bcher-kva.example.test", believed},
        {"a host that is a star itself", "DNS:*.example.test", "x", "*.example.test", no_host, true},

        {"a subject is no name", "", "example.test", "example.test", wrong_host, true},
        {"a subject beside other names", "DNS:a.test", "example.test", "example.test", wrong_host},
        {"a subject beside an address", "IP:127.0.0.9", "example.test", "example.test", wrong_host, true},
        {"a subject beside a mail address", "email:me@example.test", "example.test", "example.test", wrong_host, true},
        {"a subject that is an address", "", "127.0.0.1", "127.0.0.1", wrong_host, true},
        {"a URI is no name", "URI:https://example.test/", "x", "example.test", wrong_host},
        // GeneralNames{ dNSName "example.test\0.evil" }
        {"a name goes on after a NUL", "DER:30:14:82:12:65:78:61:6d:70:6c:65:2e:74:65:73:74:00:2e:65:76:69:6c", "x",
         "example.test", wrong_host},

        {"the address", "IP:127.0.0.1", "x", "127.0.0.1", believed},
        {"another address", "IP:127.0.0.1", "x", "127.0.0.2", wrong_host},
        {"a name is no address", "DNS:127.0.0.1", "x", "127.0.0.1", wrong_host},
        {"an address, as libc reads it too", "IP:127.0.0.1", "x", "127.1", believed},
        {"a number that is no address", "DNS:1.2.3.4.5", "x", "1.2.3.4.5", no_host, true},
        {"the address, version 6", "IP:fe80::1", "x", "fe80::1", believed},
        {"the address, written in full", "IP:fe80::1", "x", "fe80:0:0:0:0:0:0:1", believed},
        {"an address with its zone", "IP:fe80::1", "x", "fe80::1%lo", believed},
        {"a zone that this machine does not have", "IP:fe80::1", "x", "fe80::1%nowhere", believed},
        {"another address with a zone", "IP:fe80::1", "x", "fe80::2%lo", wrong_host},
        {"a zone without a name", "IP:fe80::1", "x", "fe80::1%", no_host},
        {"a zone of a version 4 address", "IP:127.0.0.1", "x", "127.0.0.1%lo", no_host, true},
        {"an address within another", "IP:127.0.0.1", "x", "::ffff:127.0.0.1", wrong_host},

        {"a space", "DNS:example.test", "x", "example.test ", no_host},
        {"a colon", "DNS:example.test", "x", "example.test:443", no_host},
        {"another script as it is", "DNS:xn--bcher-kva.test", "x",
         "b\xc3\xbc"
         "cher.test",
         no_host, true},
    };
    return all;
}

std::vector<host_case> cases_with_a_host() {
    auto all = host_cases();
    std::erase_if(all, [](host_case const& c) { return c.ours == verdict::no_host && !c.stricter; });
    return all;
}

tls_server_config server_named(host_case const& c) {
    return tls_server_config::make({.identity = authority().issue({.subject = c.subject, .names = c.names}).identity()})
        .value();
}

verdict our_verdict(host_case const& c) {
    auto [here, there] = connect_pair();
    auto client = tls_stream::client(std::move(here), c.host, client_config());
    if (!client) {
        CHECK(client.error() == std::errc::invalid_argument);
        return verdict::no_host;
    }
    tls_pair p{std::move(*client), tls_stream::server(std::move(there), server_named(c)).value()};
    auto const ends = shake_hands(p);
    if (!ends.client) return verdict::believed;
    CHECK(ends.client == tls_errc::wrong_host);
    return verdict::wrong_host;
}

// Whether a program that fetches a page from this port accepts the server. The server says hello to a client that
// stays.
bool is_believed_by(host_case const& c, std::string (*line)(host_case const&, std::uint16_t, certificate_files const&),
                    certificate_files const& files) {
    auto listener = ramie::tls_listener::bind("127.0.0.1", 0, server_named(c)).value();
    auto program = start(line(c, listener.local_port(), files));
    auto server = ramie::spawn([&] {
        for (auto each = listener.accept(); each; each = listener.accept()) {
            char b[4096];
            if (each->handshake() && each->read(b))
                (void)each->write_all("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            (void)each->shutdown();
        }
    });
    auto const end = soon([&] { return program.get(); });
    listener.close();
    soon([&] { return server.join(); });
    CHECK_MESSAGE(end.good == has(end.output, "BELIEVED"), end.output);
    return end.good;
}

bool is_installed(std::string const& program) {
    return start("command -v " + program).get().good;
}

std::string quoted(std::string const& text) {
    return '\'' + text + '\'';
}

std::string as_openssl(host_case const& c, std::uint16_t port, certificate_files const& files) {
    auto const parsed = tls_host::parse(c.host);
    auto const how = parsed && parsed->is_address() ? " -verify_ip " : " -verify_hostname ";
    return "echo Q | timeout 20 openssl s_client -connect 127.0.0.1:" + std::to_string(port) + how + quoted(c.host) +
           " -verify_return_error -CAfile " + files.path("ca.pem") + " && echo BELIEVED";
}

// curl is given the name, and connects to the port anyway; a zone is written %25 in a URL.
std::string as_curl(host_case const& c, std::uint16_t port, certificate_files const& files) {
    auto host = c.host;
    if (auto const zone = host.find('%'); zone != host.npos) host.insert(zone + 1, "25");
    if (host.find(':') != host.npos) host = '[' + host + ']';
    auto const to = std::to_string(port);
    return "curl -sS -q --noproxy '*' --max-time 20 --connect-to ::127.0.0.1:" + to + " --cacert " +
           files.path("ca.pem") + ' ' + quoted("https://" + host + ':' + to + "/") + " && echo BELIEVED";
}

}  // namespace

TEST_CASE("tls host: which host a certificate is good for, kind by kind") {
    ramie::run([] {
        for (auto const& each : host_cases()) {
            auto const ours = our_verdict(each);
            CHECK_MESSAGE(ours == each.ours, each.what);
        }
    });
}

TEST_CASE("tls host: what is said of the host to the server has no dot at its end") {
    ramie::run([] {
        auto p = tls_strangers(client_config(), server_config(), "localhost.");
        CHECK(!shake_hands(p).client);
        CHECK(p.server.server_name() == "localhost");
    });
}

TEST_CASE("tls host: an address is never said to the server, in no form") {
    ramie::run([] {
        for (auto const* each : {"127.0.0.1", "127.1", "0x7f000001", "127.0.0.1."}) {
            auto p = tls_strangers(client_config(), server_config(), each);
            CHECK(!shake_hands(p).client);
            CHECK(p.server.server_name() == "");
        }
    });
}

TEST_CASE("tls host: without verification it must be a host all the same") {
    ramie::run([] {
        auto const trusting = tls_client_config::make({.verify = false}).value();
        for (auto const* each : {"", ".", ".test", "a b", "a/b"}) {
            auto [here, there] = connect_pair();
            CHECK(error_in(tls_stream::client(std::move(here), each, trusting)) == std::errc::invalid_argument);
        }
    });
}

TEST_CASE("tls host: a name is as long as DNS allows") {
    std::string const label(63, 'a');
    auto const longest = label + '.' + label + '.' + label + '.' + std::string(61, 'a');
    CHECK(tls_host::parse(longest)->text() == longest);
    CHECK(tls_host::parse(longest + '.')->text() == longest);
    CHECK_FALSE(tls_host::parse(longest + 'a'));
    CHECK_FALSE(tls_host::parse(label + "a.test"));
    CHECK_FALSE(tls_host::parse(std::string_view("a\0b", 3)));
}

TEST_CASE("tls host: we accept the servers that curl accepts, except where we are stricter, and no others") {
    ramie::run({.workers = 2}, [] {
        if (!is_installed("curl")) {
            MESSAGE("skipped: there is no curl here");
            return;
        }
        certificate_files const files;
        for (auto const& each : cases_with_a_host()) {
            bool const by_curl = is_believed_by(each, as_curl, files);
            bool const as_we = by_curl == (each.ours == verdict::believed);
            CHECK_MESSAGE((as_we || (by_curl && each.stricter)), each.what);
        }
    });
}

TEST_CASE("tls host: we accept the servers that openssl s_client accepts, except where we are stricter") {
    ramie::run({.workers = 2}, [] {
        if (!is_installed("openssl")) {
            MESSAGE("skipped: there is no openssl here");
            return;
        }
        certificate_files const files;
        for (auto const& each : cases_with_a_host()) {
            // s_client takes a host literally: it does not understand a dot at the end, zones and short addresses.
            bool const is_beyond_it =
                each.host.ends_with('.') || each.host.find('%') != each.host.npos || each.host == "127.1";
            if (is_beyond_it) continue;
            bool const by_openssl = is_believed_by(each, as_openssl, files);
            bool const as_we = by_openssl == (each.ours == verdict::believed);
            CHECK_MESSAGE((as_we || (by_openssl && each.stricter)), each.what);
        }
    });
}

TEST_CASE("tls host: a server shows no certificate for its subject alone, nor for a name that begins with a dot") {
    ramie::run([] {
        auto const by_subject = authority().issue({.subject = "example.test", .names = ""});
        auto const by_name = authority().issue({.subject = "named", .names = "DNS:example.test"});
        auto const server = tls_server_config::make({.identity = server_identity().identity(),
                                                     .more_identities = {by_subject.identity(), by_name.identity()}})
                                .value();
        auto p = tls_strangers(client_config(), server, "example.test");
        CHECK(!shake_hands(p).client);
        CHECK(p.client.peer_subject() == "CN=named");
        if (!is_installed("openssl")) return;
        certificate_files const files;
        auto listener = ramie::tls_listener::bind("127.0.0.1", 0, server).value();
        for (auto const& [asked, subject] : {std::pair{".test", "server"}, {"example.test.", "named"}}) {
            auto client = start("(echo hello; sleep 0.2) | timeout 20 openssl s_client -ign_eof -connect 127.0.0.1:" +
                                std::to_string(listener.local_port()) + " -servername " + asked);
            CHECK(serve_one(listener).message() == std::error_code().message());
            CHECK(has(client.get().output, std::string("subject=CN = ") + subject + '\n'));
        }
    });
}
